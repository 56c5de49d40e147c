/**
 * One track of a broadcast in another codec, for everybody who needs it. Follows the broadcast through its publishers and formats,
 * and goes on with another worker when the one it had is gone.
 */
import { rescale } from '@millrace/media/time';
import { sameFormat, type Track, type VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { GopCache } from '../stream/gop-cache.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import type { Reader } from '../stream/reader.ts';
import { type BridgeWant, bridgedAudio, bridgedBitsPerSecond, bridgedChannels, bridgedVideo, sourceOf } from './derived-track.ts';
import type { JobSpec, ResumePoint, VideoFormat } from './job.ts';
import type { WorkerPool } from './pool.ts';
import type { WireUnit } from './wire.ts';
import type { Job, JobLoss } from './worker-process.ts';

const MICROS = 1_000_000;

/** Between losing a worker and asking for the next; doubled each time, up to the last. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;

/** A job that ran so long is not the one that brings workers down. */
const PROVEN_MS = 60_000;

/** A job that lost so many workers in a row gets the next for itself. */
const LOSSES_TO_BE_ALONE = 2;

/** After so many losses in a row whoever listens is told to do without. */
const LOSSES_TO_FAIL = 4;

/** What a worker says so often that it cannot do is not asked for again until the format changes. */
const REFUSALS_TO_GIVE_UP = 3;

/** Key frames cost the picture; nobody needs more. */
const KEY_FRAME_REQUEST_MS = 1_000;

/** What waits for a slow worker: about 8 s of pictures and sound. */
const QUEUE = { maxUnits: 1_024, maxBytes: 16 * 1024 * 1024 };

/** What hears a bridge. Calls must not block or throw. */
export interface BridgeListener {
  /** Before the first unit, and again at every discontinuity or change of format, as with a Sink. */
  track(track: Track): void;
  /** Times lie on the broadcast's timeline; dts strictly increases. */
  unit(unit: Unit): void;
  /** The publisher is gone but may return. */
  pause?(): void;
  /** Workers cannot do this, or not now: nothing follows until the format changes, or until a unit comes after all. */
  fail?(): void;
  /** Nothing follows: the broadcast has ended. */
  end(): void;
}

export interface BridgeDeps {
  readonly stream: LiveStream;
  readonly want: BridgeWant;
  readonly pool: WorkerPool;
  readonly clock: Clock;
  readonly log: Log;
}

export interface BridgeCounters {
  /** Units that came while there was no worker, or that a slow one had no time for. */
  droppedUnits: number;
  /** Times the work went on in another worker. */
  restarts: number;
}

export class Bridge {
  readonly want: BridgeWant;
  readonly #deps: BridgeDeps;
  readonly #counters: BridgeCounters = { droppedUnits: 0, restarts: 0 };
  readonly #listeners = new Set<BridgeListener>();
  readonly #gop = new GopCache();
  #reader: Reader | undefined;
  #source: Track | undefined;
  #track: Track | undefined;
  /** Whether the next format begins something that does not continue what was. */
  #isFresh = true;
  #job: Job | undefined;
  #openedAt = 0;
  #losses = 0;
  #refusals = 0;
  #failed = false;
  #retryTimer: Timer | undefined;
  #lastMicros = -1;
  #keyFrameAskedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(deps: BridgeDeps) {
    this.#deps = deps;
    this.want = deps.want;
    this.#source = sourceOf(deps.want, deps.stream.currentTracks);
    this.#read();
  }

  /** The publisher's track; undefined while there is none to bridge. */
  get source(): Track | undefined {
    return this.#source;
  }

  /** What comes out; of pictures undefined until the first is made. */
  get track(): Track | undefined {
    return this.#track;
  }

  /** Whether listeners do without. */
  get failed(): boolean {
    return this.#failed;
  }

  get counters(): Readonly<BridgeCounters> {
    return { ...this.#counters, droppedUnits: this.#counters.droppedUnits + (this.#reader?.droppedUnits ?? 0) };
  }

  /** Hears the current group of pictures and then what comes. Returns how to stop. */
  subscribe(listener: BridgeListener): () => void {
    if (this.#track) {
      listener.track(this.#track);
      for (const unit of this.#gop.units) listener.unit(unit);
    }
    if (this.#failed) listener.fail?.();
    if (this.#closed) listener.end();
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Makes the next picture a key frame; at most one a second. */
  requestKeyFrame(): void {
    const now = this.#deps.clock.monotonic();
    if (now - this.#keyFrameAskedAt < KEY_FRAME_REQUEST_MS) return;
    this.#keyFrameAskedAt = now;
    this.#job?.requestKeyFrame();
  }

  /** Lets go of the worker and the stream. Listeners hear nothing more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listeners.clear();
    this.#retryTimer?.cancel();
    this.#closeJob();
    this.#release();
  }

  /** Begins with the current group of pictures: after a loss, what came since its key frame is decoded again. */
  #read(): void {
    this.#release();
    const reader = this.#deps.stream.read(QUEUE);
    this.#reader = reader;
    void this.#pump(reader).catch((error: unknown) => this.#deps.log.error({ err: error }, 'a bridge failed'));
  }

  #release(): void {
    if (!this.#reader) return;
    this.#counters.droppedUnits += this.#reader.droppedUnits;
    this.#deps.stream.release(this.#reader);
    this.#reader = undefined;
  }

  async #pump(reader: Reader): Promise<void> {
    let isFirst = true;
    for await (const item of reader) {
      if (reader !== this.#reader) return;
      switch (item.type) {
        case 'tracks':
          this.#begin(item.tracks, isFirst);
          isFirst = false;
          break;
        case 'unit':
          if (item.unit.track !== this.#source?.id) break;
          // While this waits the reader fills up, and then loses whole groups.
          await this.#job?.writable();
          if (reader !== this.#reader) return;
          if (this.#job) this.#job.send(item.unit);
          else this.#counters.droppedUnits++;
          break;
        case 'pause':
          for (const listener of this.#listeners) listener.pause?.();
      }
    }
    if (reader === this.#reader && !this.#closed) this.#end();
  }

  /** @param isRead true when the reader is new: then the tracks may be the ones that were, and the work merely goes on. */
  #begin(tracks: readonly Track[], isRead: boolean): void {
    const before = this.#source;
    const source = sourceOf(this.want, tracks);
    const goesOn = isRead && this.#track !== undefined && before !== undefined && source !== undefined && sameFormat(before, source);
    this.#source = source;
    this.#closeJob();
    if (!isRead) {
      this.#failed = false;
      this.#refusals = 0;
    }
    if (!goesOn) {
      this.#isFresh = true;
      if (source?.kind === 'audio' && this.want.kind === 'audio') this.#announce(bridgedAudio(source, this.want.codec));
    }
    if (source) this.#open(source, goesOn);
  }

  #open(source: Track, goesOn: boolean): void {
    const alone = this.#losses >= LOSSES_TO_BE_ALONE;
    const listener = {
      format: (format: VideoFormat) => {
        if (source.kind === 'video' && this.#isCurrent(listener)) this.#setFormat(source, format);
      },
      unit: (unit: WireUnit) => {
        if (this.#isCurrent(listener)) this.#give(unit);
      },
      lost: (why: JobLoss, detail: string) => {
        if (this.#isCurrent(listener)) this.#lost(why, detail);
      },
    };
    this.#openedAt = this.#deps.clock.monotonic();
    this.#job = this.#deps.pool.open({ spec: this.#specOf(source, goesOn), listener, alone });
  }

  #isCurrent(listener: Job['listener']): boolean {
    return this.#job?.listener === listener;
  }

  #specOf(source: Track, goesOn: boolean): JobSpec {
    if (source.kind === 'audio') {
      const codec = this.want.kind === 'audio' ? this.want.codec : 'aac';
      return { kind: 'audio', source, codec, channels: bridgedChannels(source), resume: this.#resumeIn(bridgedAudio(source, codec).timescale, goesOn) };
    }
    const maxBitsPerSecond = bridgedBitsPerSecond(source, this.#deps.stream.meter.lastReading?.video?.bitsPerSecond);
    return { kind: 'video', source, maxBitsPerSecond, resume: this.#resumeIn(source.timescale, goesOn) };
  }

  #resumeIn(timescale: number, fill: boolean): ResumePoint | undefined {
    return this.#lastMicros < 0 ? undefined : { lastPts: rescale(this.#lastMicros, MICROS, timescale), fill };
  }

  #setFormat(source: VideoTrack, format: VideoFormat): void {
    const track = bridgedVideo(source, format);
    if (this.#isFresh || !this.#track || !sameFormat(this.#track, track)) this.#announce(track);
  }

  #announce(track: Track): void {
    this.#isFresh = false;
    this.#track = track;
    this.#gop.reset([track]);
    for (const listener of this.#listeners) listener.track(track);
  }

  #give({ dts, pts, key, data }: WireUnit): void {
    const track = this.#track;
    if (!track) return;
    const micros = rescale(dts, track.timescale, MICROS);
    if (micros <= this.#lastMicros) return;
    this.#lastMicros = micros;
    this.#failed = false;
    const unit: Unit = { track: track.id, dts, pts, key, data };
    this.#gop.push(unit);
    for (const listener of this.#listeners) listener.unit(unit);
  }

  #lost(why: JobLoss, detail: string): void {
    const { clock, log, stream } = this.#deps;
    this.#job = undefined;
    this.#losses = clock.monotonic() - this.#openedAt > PROVEN_MS ? 1 : this.#losses + 1;
    if (why === 'failed') this.#refusals++;
    this.#counters.restarts++;
    const about = { streamId: stream.broadcast.streamId, want: this.want, why, detail, losses: this.#losses };
    const givesUp = this.#refusals >= REFUSALS_TO_GIVE_UP;
    this.#retryTimer?.cancel();
    if (givesUp) log.error(about, 'a bridge gives up until the format changes');
    else {
      const retryMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#losses - 1));
      log.warn({ ...about, retryMs }, 'a bridge lost its worker');
      this.#retryTimer = clock.after(retryMs, () => {
        if (!this.#closed && !this.#job) this.#read();
      });
    }
    if ((givesUp || this.#losses >= LOSSES_TO_FAIL) && !this.#failed) this.#fail();
  }

  #fail(): void {
    this.#failed = true;
    for (const listener of this.#listeners) listener.fail?.();
  }

  #closeJob(): void {
    this.#retryTimer?.cancel();
    const job = this.#job;
    this.#job = undefined;
    job?.close();
    if (job) this.#deps.pool.settle();
  }

  #end(): void {
    const listeners = [...this.#listeners];
    this.close();
    for (const listener of listeners) listener.end();
  }
}
