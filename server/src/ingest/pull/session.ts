/** One time that a source is fetched, from the first packet to the last: opens the way, starts a media process, publishes what it brings, closes. */
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { AppError } from '../../lib/app-error.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Hub } from '../../stream/hub.ts';
import type { EvictionReason, Publication } from '../../stream/live-stream.ts';
import type { MediaProcess } from '../../transports/ffmpeg/media-process.ts';
import type { MediaProcesses } from '../../transports/ffmpeg/media-processes.ts';
import type { DemuxedStream, FromMediaProcess } from '../../transports/ffmpeg/messages.ts';
import { readingFailure } from './failure.ts';
import { type Input, type InputDeps, openInput } from './input.ts';
import type { PullSource } from './source.ts';
import { type StreamTarget, ToStream } from './to-stream.ts';

/** From the start to the first packet: looking at what there is takes some seconds of it. */
const OPEN_TIMEOUT_MS = 25_000;

/** A source that brings nothing for so long has lost its network. */
const SILENCE_MS = 15_000;

const SERVED = 'H.264, HEVC, AV1, VP9 or VP8 with AAC, Opus or MP3';

/** How a session ended. `ended`: there was no more. `occupied`: a publisher has the seat. `stopped`: the broadcast was ended. */
export type PullEnd = 'ended' | 'occupied' | 'stopped' | 'closed';

export interface PullSessionDeps extends InputDeps {
  readonly hub: Pick<Hub, 'isOccupied' | 'publish'>;
  readonly processes: Pick<MediaProcesses, 'open'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly source: PullSource;
  /** Whether the broadcast waits for its owner. */
  readonly start: 'auto' | 'manual';
  /** The first media has come. */
  onRunning(): void;
}

export class PullSession implements StreamTarget {
  readonly #deps: PullSessionDeps;
  readonly #abort = new AbortController();
  readonly #over = Promise.withResolvers<PullEnd>();
  readonly #unsupported = new Set<string>();
  #input: Input | undefined;
  #process: MediaProcess | undefined;
  #toStream: ToStream | undefined;
  #streams: readonly DemuxedStream[] = [];
  #publication: Publication | undefined;
  #watchdog: Timer | undefined;
  #heardAt = 0;
  #hasMedia = false;
  #bytes = 0;

  constructor(deps: PullSessionDeps) {
    this.#deps = deps;
  }

  /** Bytes of media so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Rejects with AppError, whose message is a sentence for the owner. */
  async run(): Promise<PullEnd> {
    const { source, clock, hub, processes } = this.#deps;
    if (hub.isOccupied(source.streamId)) return 'occupied';
    try {
      this.#input = await openInput(source.url, this.#deps, this.#abort.signal);
      this.#abort.signal.throwIfAborted();
      this.#heardAt = clock.monotonic();
      this.#watchdog = clock.every(1_000, () => this.#watch());
      this.#process = processes.open(this.#input.task, { message: (message) => this.#hear(message), gone: (detail) => this.#fail(`its process is gone, ${detail}`) });
      return await this.#over.promise;
    } catch (error) {
      if (this.#abort.signal.aborted) return 'closed';
      throw error;
    } finally {
      this.#watchdog?.cancel();
      this.#process?.close();
      this.#input?.close();
      this.#publication?.close(this.#abort.signal.aborted ? 'left' : 'lost');
      this.#publication = undefined;
    }
  }

  /** Ends it: `run` then says `closed`. */
  close(): void {
    this.#abort.abort();
    this.#over.resolve('closed');
  }

  tracks(tracks: readonly Track[]): void {
    const { log } = this.#deps;
    log.info(
      { formats: tracks.map((track) => (track.kind === 'video' ? `${track.codecString} ${track.width}x${track.height}` : `${track.codecString} ${track.sampleRate} Hz`)) },
      'formats',
    );
    this.#publication ??= this.#publish();
    this.#publication?.tracks(tracks);
  }

  unit(unit: Unit): void {
    if (!this.#hasMedia) {
      this.#hasMedia = true;
      this.#deps.onRunning();
    }
    this.#publication?.unit(unit);
  }

  unsupported(codec: string): void {
    this.#unsupported.add(codec);
    this.#publication?.refuseTrack(codec);
  }

  dropped(units: number): void {
    this.#publication?.countDropped(units);
  }

  #publish(): Publication | undefined {
    const { hub, source, start } = this.#deps;
    const publication = hub.publish({
      streamId: source.streamId,
      start,
      // Whoever brings the key comes first.
      secondPublisher: 'refuse',
      publisher: { protocol: 'pull', remoteAddress: new URL(source.url).hostname, onEvicted: (reason) => this.#evicted(reason) },
    });
    if (!publication) this.#over.resolve('occupied');
    for (const codec of this.#unsupported) publication?.refuseTrack(codec);
    return publication;
  }

  #evicted(reason: EvictionReason): void {
    this.#publication = undefined;
    this.#over.resolve(reason === 'taken_over' ? 'occupied' : 'stopped');
  }

  #hear(message: FromMediaProcess): void {
    this.#heardAt = this.#deps.clock.monotonic();
    switch (message.type) {
      case 'streams':
        this.#open(message.streams);
        break;
      case 'packet':
        this.#bytes += message.data.length;
        this.#toStream?.packet(message);
        break;
      case 'failed':
        this.#fail(message.why);
        break;
      case 'ended':
        this.#over.resolve('ended');
        break;
      case 'opened':
      case 'written':
    }
  }

  /** A file that begins again is the same as it was: what follows continues what was. */
  #open(streams: readonly DemuxedStream[]): void {
    if (this.#toStream && isSame(streams, this.#streams)) return;
    this.#streams = streams;
    this.#toStream = new ToStream(streams, this);
    if (!this.#toStream.isServed)
      this.#over.reject(new AppError('source_unsupported', { detail: `The source sends ${[...this.#unsupported].join(' and ')}, which is not served: ${SERVED} is.` }));
  }

  #fail(why: string): void {
    this.#over.reject(this.#input?.explain(why) ?? readingFailure(why));
  }

  #watch(): void {
    const silentMs = this.#deps.clock.monotonic() - this.#heardAt;
    if (silentMs < (this.#hasMedia ? SILENCE_MS : OPEN_TIMEOUT_MS)) return;
    this.#over.reject(new AppError('source_unreachable', { detail: `The source has brought nothing for ${Math.round(silentMs / 1000)} s.` }));
  }
}

function isSame(a: readonly DemuxedStream[], b: readonly DemuxedStream[]): boolean {
  const textOf = (streams: readonly DemuxedStream[]) => JSON.stringify(streams.map((stream) => ({ ...stream, extraData: Buffer.from(stream.extraData).toString('base64') })));
  return textOf(a) === textOf(b);
}
