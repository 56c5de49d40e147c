/** One connection to a target: waits for the tracks, opens, pumps until something ends it, closes. */
import { Interleaver } from '@millrace/media/interleaver';
import { sameFormat, type Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { LiveStream } from '../../stream/live-stream.ts';
import type { Sender, SenderKind } from './sender.ts';
import { type PushTarget, TargetFailed, TargetRefused } from './target.ts';
import { type BridgeSource, TargetFeed } from './target-feed.ts';

export interface AttemptDeps {
  readonly stream: LiveStream;
  readonly bridges: BridgeSource;
  readonly target: PushTarget;
  readonly senders: SenderKind;
  /** Media is taken. */
  onForwarding(): void;
}

interface TimedUnit {
  readonly track: number;
  readonly seconds: number;
  readonly unit: Unit;
}

/** How an attempt ended. `changed`: the formats are others now, and a new connection is needed for them. */
export type AttemptEnd = 'over' | 'changed';

export class Attempt {
  readonly #deps: AttemptDeps;
  readonly #feed: TargetFeed;
  readonly #abort = new AbortController();
  #sender: Sender | undefined;
  #tracks: readonly Track[] = [];
  #interleaver = new Interleaver<TimedUnit>([]);

  constructor(deps: AttemptDeps) {
    this.#deps = deps;
    this.#feed = new TargetFeed({ stream: deps.stream, bridges: deps.bridges, carries: (track) => deps.senders.carries(track) });
  }

  get bytesSent(): number {
    return this.#sender?.bytesSent ?? 0;
  }

  get droppedUnits(): number {
    return this.#feed.droppedUnits;
  }

  /** Rejects with a TargetRefused or a TargetFailed. */
  async run(): Promise<AttemptEnd> {
    try {
      for await (const item of this.#feed.queue) {
        if (item.type === 'pause') continue;
        if (item.type === 'unit') {
          for (const { unit } of this.#interleaver.push(this.#timed(item.unit))) await this.#sender?.send(unit);
        } else if (!this.#sender) {
          await this.#open(item.tracks);
        } else if (!this.#isSame(item.tracks)) {
          return 'changed';
        }
      }
      const failure = await Promise.race([this.#sender?.closed, undefined]);
      if (failure) throw failure;
      if (this.#feed.failure !== undefined) throw new TargetRefused(this.#feed.failure);
      for (const { unit } of this.#interleaver.flush()) this.#sender?.send(unit);
      return 'over';
    } finally {
      this.#feed.close();
      await this.#sender?.close();
    }
  }

  /** Ends it; `run` then says `over`. */
  close(): void {
    this.#abort.abort();
    this.#feed.close();
    void this.#sender?.close();
  }

  async #open(tracks: readonly Track[]): Promise<void> {
    this.#tracks = tracks;
    this.#interleaver = new Interleaver(tracks.map(({ id }) => id));
    const { target, senders } = this.#deps;
    try {
      this.#sender = await senders.open({ target, tracks, signal: this.#abort.signal });
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      throw error instanceof TargetRefused || error instanceof TargetFailed ? error : new TargetFailed('The connection failed.', { cause: error });
    }
    this.#deps.onForwarding();
    void this.#sender.closed.then(() => this.#feed.close());
  }

  #isSame(tracks: readonly Track[]): boolean {
    return tracks.length === this.#tracks.length && tracks.every((track, i) => this.#tracks[i] !== undefined && sameFormat(track, this.#tracks[i]));
  }

  #timed(unit: Unit): TimedUnit {
    const timescale = this.#tracks.find(({ id }) => id === unit.track)?.timescale ?? 1;
    return { track: unit.track, seconds: unit.dts / timescale, unit };
  }
}
