/** The ladders of all broadcasts: opened with their packagers, told apart by stream, measured for the owner. */
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import type { EncoderSetting } from './job.ts';
import { Ladder, type LadderListener, type LadderMode } from './ladder.ts';
import type { TierPlan, TierSetting } from './ladder-plan.ts';
import type { LadderCounters, LadderState } from './ladder-state.ts';
import type { WorkerPool } from './pool.ts';

export interface LaddersDeps {
  readonly pool: WorkerPool;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: readonly TierSetting[];
  readonly encoders: EncoderSource;
  /** What the owner has set; undefined when there is no such stream. */
  modeOf(streamId: string): LadderMode | undefined | Promise<LadderMode | undefined>;
}

/** Finds out which encoder there is; told to when the first ladder is opened. */
export interface EncoderSource {
  /** Undefined while it is not known. */
  readonly encoder: EncoderSetting | undefined;
  start(): void;
  close(): void;
}

/** What somebody holds who takes tiers as they are made. */
export interface LadderFollowing {
  /** The tiers that there are or could be, the largest first. */
  readonly tiers: readonly TierPlan[];
  /** One of them is wanted: to be said at least once a second. */
  used(): void;
  close(): void;
}

export class Ladders {
  readonly counters: LadderCounters = { droppedUnits: 0, restarts: 0, shed: 0 };
  readonly #deps: LaddersDeps;
  readonly #open = new Set<Ladder>();
  readonly #followers = new Map<LiveStream, Set<LadderListener>>();
  /** What was set when it was asked last. */
  readonly #modes = new WeakMap<LiveStream, LadderMode>();

  constructor(deps: LaddersDeps) {
    this.#deps = deps;
  }

  /** A ladder without tracks yet. Closed by whoever opened it. */
  open(stream: LiveStream, listener: LadderListener): Ladder {
    const { pool, clock, log, settings, encoders } = this.#deps;
    if (settings.length > 0) encoders.start();
    const ladder = new Ladder({
      stream,
      settings,
      pool,
      clock,
      log,
      listener: {
        begin: (tier, track) => {
          listener.begin(tier, track);
          for (const follower of this.#followersOf(stream)) follower.begin(tier, track);
        },
        unit: (unit) => {
          listener.unit(unit);
          for (const follower of this.#followersOf(stream)) follower.unit(unit);
        },
        rest: (tiers, offered) => {
          listener.rest(tiers, offered);
          for (const follower of this.#followersOf(stream)) follower.rest(tiers, offered);
        },
      },
      counters: this.counters,
      mode: () => this.#modeOf(stream),
      encoder: () => encoders.encoder,
      onClosed: (closed) => this.#open.delete(closed),
    });
    this.#open.add(ladder);
    return ladder;
  }

  /** Hears what becomes of a stream's tiers beside whoever opens its ladder, also of the next one, until closed. */
  follow(stream: LiveStream, follower: LadderListener): LadderFollowing {
    const followers = this.#followers.get(stream) ?? new Set();
    this.#followers.set(stream, followers);
    followers.add(follower);
    const ladder = (): Ladder | undefined => this.#of(stream);
    for (const { tier, track } of ladder()?.begun ?? []) follower.begin(tier, track);
    return {
      get tiers() {
        return ladder()?.offered ?? [];
      },
      used: () => ladder()?.usedInRealTime(),
      close: () => {
        followers.delete(follower);
        if (followers.size === 0) this.#followers.delete(stream);
      },
    };
  }

  /** Undefined when nothing is packaged of this stream. */
  stateOf(stream: LiveStream): LadderState | undefined {
    return this.#of(stream)?.state;
  }

  close(): void {
    this.#deps.encoders.close();
    for (const ladder of [...this.#open]) ladder.close();
  }

  #of(stream: LiveStream): Ladder | undefined {
    for (const ladder of this.#open) if (ladder.stream === stream) return ladder;
    return undefined;
  }

  #followersOf(stream: LiveStream): Iterable<LadderListener> {
    return this.#followers.get(stream) ?? [];
  }

  #modeOf(stream: LiveStream): LadderMode | undefined {
    if (this.#deps.settings.length === 0) return 'off';
    const asked = this.#deps.modeOf(stream.broadcast.streamId);
    if (asked instanceof Promise) {
      // A database that is away for a moment changes nothing; the next look asks again.
      asked.then((mode) => this.#setMode(stream, mode)).catch(() => {});
    } else if (asked) this.#modes.set(stream, asked);
    return this.#modes.get(stream);
  }

  #setMode(stream: LiveStream, mode: LadderMode | undefined): void {
    if (!mode || mode === this.#modes.get(stream)) return;
    this.#modes.set(stream, mode);
    for (const ladder of this.#open) if (ladder.stream === stream) ladder.look();
  }
}
