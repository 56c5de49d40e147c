/**
 * The tiers of one broadcast's picture, made while somebody wants them. Goes on with another worker when the one it had is gone, and gives
 * up the largest tier first when the machine cannot keep up. Units come in as the packager gets them, and tiers go out to the same.
 */
import { readAvcC } from '@millrace/media/codecs/h264';
import type { Track, VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { GopCache } from '../stream/gop-cache.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import { type EncoderSetting, type VideoFormat, X264 } from './job.ts';
import { planTiers, type TierPlan, type TierSetting, tierSizeOf } from './ladder-plan.ts';
import type { LadderCounters, LadderState, TierState } from './ladder-state.ts';
import type { WorkerPool } from './pool.ts';
import type { WireUnit } from './wire.ts';
import type { Job, JobLoss } from './worker-process.ts';

/** When tiers are made: while somebody plays by HLS or DASH or needs one in real time, never, or all the time. */
export type LadderMode = 'auto' | 'off' | 'always';

/** Players of HLS do not say goodbye; the slowest asks once in a TARGETDURATION, which is 10 s. */
const IDLE_MS = 15_000;

const TICK_MS = 1_000;

/** Viewers in real time who are on a tier, or want one, say so twice a second. */
const IN_REAL_TIME_MS = 2_000;

/** They change at key frames: what is to stop goes on until the next, but no longer than this. */
const LEAVE_MS = 4_000;

/** Work that has waited so long will not be caught up with. */
const MAX_LAG_SECONDS = 1.5;

/** As many looks in a row: one may fall into a hiccup of the machine. */
const LOOKS_TO_BELIEVE = 2;

/** A job begins with the current group of pictures, and with fewer tiers than before it has to catch up. */
const CATCH_UP_MS = 5_000;

/** How long a tier that was too much stays away, the first time and at most. Each trial that fails doubles it. */
const FIRST_PATIENCE_MS = 60_000;
const MOST_PATIENCE_MS = 15 * 60_000;

/** A trial has failed when it is too much again within this. */
const TRIAL_MS = 30_000;

/** Between losing a worker and asking for the next; doubled each time, up to the last. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;

/** A job that ran so long is not the one that brings workers down. */
const PROVEN_MS = 60_000;

/** A job that lost so many workers in a row gets the next for itself; after more, players are told to do without. */
const LOSSES_TO_BE_ALONE = 2;
const LOSSES_TO_HIDE = 4;

/** What a worker says so often that it cannot do is not asked for again until the format changes. */
const REFUSALS_TO_GIVE_UP = 3;

/** What hears a ladder. Calls must not block or throw. */
export interface LadderListener {
  /** A tier begins, with a key frame where the source has one. */
  begin(tier: string, track: VideoTrack): void;
  /** dts strictly increases within a tier. */
  unit(unit: Unit): void;
  /**
   * Nothing comes of these tiers until they begin again, but for viewers in real time, who get them up to the source's next key frame.
   * Not offered: nor would anything come if a player asked for it.
   */
  rest(tiers: readonly string[], offered: boolean): void;
}

export interface LadderDeps {
  readonly stream: LiveStream;
  readonly settings: readonly TierSetting[];
  readonly pool: WorkerPool;
  readonly clock: Clock;
  readonly log: Log;
  readonly listener: LadderListener;
  readonly counters: LadderCounters;
  /** Undefined while it is not known. */
  mode(): LadderMode | undefined;
  /** Undefined while it is not known, which is for some seconds at most. */
  encoder(): EncoderSetting | undefined;
  onClosed(ladder: Ladder): void;
}

export class Ladder {
  readonly stream: LiveStream;
  readonly #deps: LadderDeps;
  readonly #gop = new GopCache();
  readonly #ticker: Timer;
  #source: VideoTrack | undefined;
  #tiers: readonly TierPlan[] = [];
  #none: LadderState['none'] = null;
  #begun: (VideoTrack | undefined)[] = [];
  /** Tiers from the top that are left out. */
  #shed = 0;
  #changedAt = 0;
  #patienceMs = FIRST_PATIENCE_MS;
  #restoredAt = Number.NEGATIVE_INFINITY;
  #lateLooks = 0;
  #job: Job | undefined;
  #openedAt = 0;
  #awaitsKey = false;
  #losses = 0;
  #refusals = 0;
  #retryTimer: Timer | undefined;
  #usedAt = Number.NEGATIVE_INFINITY;
  #usedInRealTimeAt = Number.NEGATIVE_INFINITY;
  /** The work goes on for a moment only. */
  #isStopping = false;
  /** What is to stop at the source's next key frame. */
  #leaving: { readonly untilMs: number; stop(): void } | undefined;
  #mode: LadderMode | undefined;
  #cpuMicros = 0;
  #cores = 0;
  #lookedAt: number;

  constructor(deps: LadderDeps) {
    this.#deps = deps;
    this.stream = deps.stream;
    this.#mode = deps.mode();
    this.#lookedAt = deps.clock.monotonic();
    this.#ticker = deps.clock.every(TICK_MS, () => this.look());
  }

  /** Undefined where none is wanted. */
  get state(): LadderState | undefined {
    if (this.#mode === 'off') return undefined;
    const stateOf = (i: number): TierState['state'] => (this.#isGivenUp ? 'FAILED' : i < this.#shed ? 'SHED' : this.#begun[i] ? 'RUNNING' : 'IDLE');
    const tiers = this.#tiers.map(({ name, track: { width, height } }, i) => ({ name, width, height, state: stateOf(i) }));
    return { tiers, cores: this.#cores, none: this.#none };
  }

  /** Those that come, or would come for somebody who wants them, with those that are away for a while; the largest first. */
  get offered(): readonly TierPlan[] {
    return this.#isOffered && !this.#isGivenUp && this.#shed < this.#tiers.length ? this.#tiers : [];
  }

  /** Those that have begun. */
  get begun(): readonly { readonly tier: string; readonly track: VideoTrack }[] {
    return this.#tiers.flatMap(({ name: tier }, i) => {
      const track = this.#begun[i];
      return track ? [{ tier, track }] : [];
    });
  }

  /** The formats of what follows, after `pause`. Returns the tiers there will be, whether or not anything of them comes soon. */
  tracks(tracks: readonly Track[]): readonly TierPlan[] {
    this.pause();
    const pictures = tracks.filter((track) => track.kind === 'video');
    const [source] = pictures;
    const plan = source && planTiers(source, this.#deps.settings);
    this.#none = pictures.length > 1 ? 'SEVERAL_SIZES' : typeof plan === 'string' ? plan : null;
    this.#tiers = plan === undefined || typeof plan === 'string' || pictures.length > 1 ? [] : plan;
    this.#shed = Math.min(this.#shed, this.#tiers.length);
    this.#source = this.#tiers.length > 0 ? source : undefined;
    this.#gop.reset(this.#source ? [this.#source] : []);
    this.#losses = 0;
    this.#refusals = 0;
    return this.#tiers;
  }

  /** To be called once whoever asked for the tiers has them: they may begin. */
  ready(): void {
    const absent = this.#isOffered ? this.#names.slice(0, this.#shed) : this.#names;
    if (absent.length > 0) this.#deps.listener.rest(absent, false);
    this.#decide();
  }

  unit(unit: Unit): void {
    if (unit.track !== this.#source?.id) return;
    this.#gop.push(unit);
    if (unit.key) this.#leaveNow();
    if (this.#job) this.#send(this.#job, unit);
  }

  /** Somebody plays. */
  used(): void {
    this.#usedAt = this.#deps.clock.monotonic();
    if (!this.#job) this.#decide();
  }

  /** Somebody in real time is on a tier or wants one. */
  usedInRealTime(): void {
    this.#usedInRealTimeAt = this.#deps.clock.monotonic();
    this.used();
  }

  /** Once a second, and when the mode may have changed. */
  look(): void {
    const now = this.#deps.clock.monotonic();
    this.#measure(now);
    if (this.#leaving && now >= this.#leaving.untilMs) this.#leaveNow();
    const was = this.#isOffered;
    this.#mode = this.#deps.mode() ?? this.#mode;
    if (was !== this.#isOffered) this.#deps.listener.rest(this.#names, this.#isOffered);
    if (this.#job) this.#judge(this.#job, now);
    this.#restoreLater(now);
    this.#decide();
  }

  /** Nothing comes until there are tracks again. */
  pause(): void {
    this.#stop();
    this.#leaveNow();
    this.#source = undefined;
  }

  close(): void {
    this.#ticker.cancel();
    this.pause();
    this.#deps.onClosed(this);
  }

  get #names(): readonly string[] {
    return this.#tiers.map(({ name }) => name);
  }

  get #isOffered(): boolean {
    return this.#mode !== undefined && this.#mode !== 'off';
  }

  get #isGivenUp(): boolean {
    return this.#refusals >= REFUSALS_TO_GIVE_UP || this.#losses >= LOSSES_TO_HIDE;
  }

  /** Starts or stops the work as it is wanted. */
  #decide(): void {
    const isWanted = this.#mode === 'always' || (this.#mode === 'auto' && this.#deps.clock.monotonic() - this.#usedAt < IDLE_MS);
    if (!isWanted) this.#stop();
    else if (!this.#job && !this.#retryTimer && this.#refusals < REFUSALS_TO_GIVE_UP && this.#shed < this.#tiers.length) this.#start();
  }

  #measure(now: number): void {
    const elapsedMs = now - this.#lookedAt;
    this.#lookedAt = now;
    const cpuMicros = this.#job?.cpuMicros ?? 0;
    this.#cores = elapsedMs > 0 ? Math.max(0, cpuMicros - this.#cpuMicros) / 1000 / elapsedMs : 0;
    this.#cpuMicros = cpuMicros;
  }

  #judge(job: Job, now: number): void {
    const lag = job.undoneTicks / (this.#source?.timescale ?? 1);
    this.#lateLooks = lag > MAX_LAG_SECONDS || this.#awaitsKey ? this.#lateLooks + 1 : 0;
    if (this.#lateLooks < LOOKS_TO_BELIEVE || now - this.#changedAt < CATCH_UP_MS) return;
    this.#lateLooks = 0;
    this.#changedAt = now;
    const tier = this.#tiers[this.#shed];
    if (!tier) return;
    this.#patienceMs = now - this.#restoredAt <= TRIAL_MS ? Math.min(MOST_PATIENCE_MS, 2 * this.#patienceMs) : FIRST_PATIENCE_MS;
    this.#shed++;
    this.#deps.counters.shed++;
    this.#deps.log.warn({ streamId: this.stream.broadcast.streamId, tier: tier.name, lag, cores: this.#cores }, 'the machine cannot keep up: a tier is given up');
    this.#begun[this.#shed - 1] = undefined;
    this.#deps.listener.rest([tier.name], false);
    this.#leave(() => {
      if (this.#shed >= this.#tiers.length) this.#closeJob();
      else this.#job?.setOutputs(this.#wanted);
    });
  }

  /** Stops something at once, or at the source's next key frame for viewers who change there. */
  #leave(stop: () => void): void {
    const now = this.#deps.clock.monotonic();
    this.#leaveNow();
    if (now - this.#usedInRealTimeAt < IN_REAL_TIME_MS) this.#leaving = { untilMs: now + LEAVE_MS, stop };
    else stop();
  }

  #leaveNow(): void {
    const leaving = this.#leaving;
    this.#leaving = undefined;
    leaving?.stop();
  }

  /** One tier at a time, the smallest of those that are away. */
  #restoreLater(now: number): void {
    if (this.#shed === 0 || now - this.#changedAt < this.#patienceMs) return;
    this.#shed--;
    this.#changedAt = now;
    this.#restoredAt = now;
    const tier = this.#tiers[this.#shed];
    if (tier && this.#isOffered) this.#deps.listener.rest([tier.name], true);
    this.#job?.setOutputs(this.#wanted);
  }

  get #wanted(): readonly boolean[] {
    return this.#tiers.map((_, i) => i >= this.#shed);
  }

  /** Hardware that may have brought workers down, or failed, is left alone until the format changes. */
  get #encoder(): EncoderSetting | undefined {
    return this.#losses >= LOSSES_TO_BE_ALONE || this.#refusals > 0 ? X264 : this.#deps.encoder();
  }

  #start(): void {
    const source = this.#source;
    // The next look finds it.
    const encoder = this.#encoder;
    if (!source || !encoder) return;
    const { pool, clock, log } = this.#deps;
    const listener = {
      format: (format: VideoFormat, output: number) => {
        if (this.#job?.listener === listener) this.#begin(format, output);
      },
      unit: (unit: WireUnit, output: number) => {
        if (this.#job?.listener === listener) this.#give(unit, output);
      },
      lost: (why: JobLoss, detail: string) => {
        if (this.#job?.listener === listener) this.#lost(why, detail);
      },
    };
    const tiers = this.#tiers.map((plan) => tierSizeOf(plan, source, this.stream.meter.lastReading?.video));
    this.#openedAt = clock.monotonic();
    this.#changedAt = this.#openedAt;
    this.#lateLooks = 0;
    this.#awaitsKey = false;
    this.#cpuMicros = 0;
    this.#begun = [];
    const job = pool.open({ spec: { kind: 'ladder', source, tiers, encoder }, listener, alone: this.#losses >= LOSSES_TO_BE_ALONE });
    this.#job = job;
    if (this.#shed > 0) job.setOutputs(this.#wanted);
    log.info({ streamId: this.stream.broadcast.streamId, tiers: this.#names, shed: this.#shed, encoder: encoder.name }, 'a ladder starts');
    for (const unit of this.#gop.units) this.#send(job, unit);
  }

  /** A worker that has no room loses the rest of the group. */
  #send(job: Job, unit: Unit): void {
    if (this.#awaitsKey && unit.key) this.#awaitsKey = false;
    if (!job.hasRoom) this.#awaitsKey = true;
    if (this.#awaitsKey) this.#deps.counters.droppedUnits++;
    else job.send(unit);
  }

  #begin({ width, height, config }: VideoFormat, output: number): void {
    const plan = this.#tiers[output];
    if (!plan || output < this.#shed || this.#isStopping) return;
    const track: VideoTrack = { ...plan.track, config, codecString: readAvcC(config).codecString, width, height };
    this.#begun[output] = track;
    this.#deps.listener.begin(plan.name, track);
  }

  #give({ dts, pts, key, data }: WireUnit, output: number): void {
    const plan = this.#tiers[output];
    if (plan) this.#deps.listener.unit({ track: plan.track.id, dts, pts, key, data });
  }

  #lost(why: JobLoss, detail: string): void {
    const { clock, log, listener, counters } = this.#deps;
    this.#job = undefined;
    this.#isStopping = false;
    this.#leaving = undefined;
    this.#begun = [];
    this.#losses = clock.monotonic() - this.#openedAt > PROVEN_MS ? 1 : this.#losses + 1;
    if (why === 'failed') this.#refusals++;
    counters.restarts++;
    const givesUp = this.#refusals >= REFUSALS_TO_GIVE_UP;
    const about = { streamId: this.stream.broadcast.streamId, why, detail, losses: this.#losses };
    if (givesUp) log.error(about, 'a ladder gives up until the format changes');
    else log.warn(about, 'a ladder lost its worker');
    listener.rest(this.#names, this.#isOffered && !givesUp && this.#losses < LOSSES_TO_HIDE);
    if (givesUp) return;
    this.#retryTimer = clock.after(Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#losses - 1)), () => {
      this.#retryTimer = undefined;
      this.#decide();
    });
  }

  #stop(): void {
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    if (!this.#job || this.#isStopping) return;
    this.#deps.listener.rest(this.#names.slice(this.#shed), this.#isOffered);
    this.#deps.log.info({ streamId: this.stream.broadcast.streamId }, 'a ladder stops');
    this.#isStopping = true;
    this.#begun = [];
    this.#leave(() => this.#closeJob());
  }

  #closeJob(): void {
    const job = this.#job;
    this.#job = undefined;
    this.#isStopping = false;
    this.#begun = [];
    this.#cores = 0;
    job?.close();
    if (job) this.#deps.pool.settle();
  }
}
