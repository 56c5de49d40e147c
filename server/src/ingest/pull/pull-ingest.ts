/** Every stream that is fetched from elsewhere. */
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Hub } from '../../stream/hub.ts';
import { isRefusal, type PlaybackGate } from '../../stream/playback-gate.ts';
import type { MediaProcesses } from '../../transports/ffmpeg/media-processes.ts';
import type { InputDeps } from './input.ts';
import { Puller } from './puller.ts';
import { IDLE, type PullSource, type PullState, type PullStatus } from './source.ts';

/** How long a viewer's first request waits for a source that is only now fetched. */
const START_WAIT_MS = 10_000;

export interface PullIngestDeps extends InputDeps {
  readonly hub: Pick<Hub, 'isOccupied' | 'publish'>;
  readonly processes: Pick<MediaProcesses, 'open'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly sources: {
    /** Those that this server fetches. */
    mine(): Promise<readonly PullSource[]>;
    of(streamId: string): Promise<PullSource | undefined>;
    startOf(streamId: string): Promise<'auto' | 'manual'>;
  };
  /** Whether there are viewers besides those who ask for playlists and segments. */
  isWatched(streamId: string): boolean;
}

export class PullIngest {
  readonly #deps: PullIngestDeps;
  readonly #pullers = new Map<string, Puller>();
  /** The latest change of each stream whose source is being read: what an earlier one reads is old. */
  readonly #changes = new Map<string, symbol>();
  #pastBytes = 0;
  #isClosed = false;

  constructor(deps: PullIngestDeps) {
    this.#deps = deps;
  }

  /** Media fetched since the start. */
  get counters(): { readonly bytesReceived: number } {
    return { bytesReceived: this.states.reduce((sum, { bytes }) => sum + bytes, this.#pastBytes) };
  }

  /** Of every source that is switched on. */
  get states(): readonly { readonly state: PullState; readonly bytes: number }[] {
    return [...this.#pullers.values()].map(({ status: { state }, bytes }) => ({ state, bytes }));
  }

  async start(): Promise<void> {
    for (const source of await this.#deps.sources.mine()) this.#open(source);
  }

  close(): void {
    this.#isClosed = true;
    for (const puller of this.#pullers.values()) puller.close();
  }

  /** Stops what another server fetches now, or nobody any more. */
  async lookAgain(): Promise<void> {
    const before = [...this.#pullers];
    const mine = new Set((await this.#deps.sources.mine()).map(({ streamId }) => streamId));
    // What was opened while that was read is newer.
    for (const [streamId, puller] of before) if (!mine.has(streamId) && this.#pullers.get(streamId) === puller) this.#stop(streamId);
  }

  status(streamId: string): PullStatus {
    return this.#pullers.get(streamId)?.status ?? IDLE;
  }

  /** The owner set another source, or none; or the same: then what waits is tried at once. */
  async sourceChanged(streamId: string): Promise<void> {
    const change = Symbol();
    this.#changes.set(streamId, change);
    const source = await this.#deps.sources.of(streamId);
    if (this.#changes.get(streamId) !== change) return;
    this.#changes.delete(streamId);
    const before = this.#pullers.get(streamId);
    if (before && source && before.source.url === source.url && before.source.mode === source.mode) {
      before.tryNow();
      return;
    }
    this.#stop(streamId);
    if (source) this.#open(source);
  }

  streamDeleted(streamId: string): void {
    this.#changes.delete(streamId);
    this.#stop(streamId);
  }

  #stop(streamId: string): void {
    const puller = this.#pullers.get(streamId);
    if (!puller) return;
    puller.close();
    this.#pastBytes += puller.bytes;
    this.#pullers.delete(streamId);
  }

  /** Somebody wants to watch; see Puller. */
  wanted(streamId: string): Promise<void> | undefined {
    return this.#pullers.get(streamId)?.wanted();
  }

  /**
   * The same gate, through which viewers also wake what is fetched on demand.
   * @param waits whether they wait at it until there is something to see, for a moment.
   */
  waking(gate: PlaybackGate, waits: boolean): PlaybackGate {
    return {
      check: (streamId, credentials) => {
        const decision = gate.check(streamId, credentials);
        if (!this.#pullers.has(streamId)) return decision;
        return Promise.resolve(decision).then(async (decided) => {
          const running = isRefusal(decided) ? undefined : this.wanted(streamId);
          if (running && waits) await this.#upTo(running);
          return decided;
        });
      },
    };
  }

  #open(source: PullSource): void {
    if (this.#isClosed) return;
    const { sources, log } = this.#deps;
    const puller = new Puller({ ...this.#deps, source, log: log.child({ streamId: source.streamId, protocol: 'pull' }), startOf: (streamId) => sources.startOf(streamId) });
    this.#pullers.set(source.streamId, puller);
    puller.start();
  }

  async #upTo(running: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#deps.clock.after(START_WAIT_MS, late.resolve);
    await Promise.race([running, late.promise]);
    timer.cancel();
  }
}
