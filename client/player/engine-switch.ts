/**
 * Chooses between real time and segments, and changes from one to the other on the same element: real time when it shows a frame
 * in time, segments otherwise or when asked. What replaces a source shows its first frame before the old one goes.
 */
import type { Layer } from '@millrace/contract/entities/layer';
import { SignallingError } from '../webrtc/signalling.ts';
import type { Delay, Engine } from './engine.ts';
import type { ReceiveStats } from './receive-stats.ts';

/** real-time: WHEP. low: segments, as near to live as they allow. stable: some seconds behind, for networks that falter. */
export const LATENCIES = ['real-time', 'low', 'stable'] as const;
export type Latency = (typeof LATENCIES)[number];

/**
 * Why real time was asked for and is not used. slow: no picture in time · frozen: frames stopped coming · refused: the server
 * does not offer it for this stream · unsupported: not by this browser.
 */
export type FallBack = 'slow' | 'frozen' | 'refused' | 'unsupported';

/** Without a frame by then, segments begin: they need under a second themselves. */
const FIRST_FRAME_MS = 2000;

/** Frames that stop for this long do not come back by themselves in time: see the figures on direct paths that die. */
const FROZEN_MS = 1200;

/**
 * Nor does a server that is not heard at all for this long, whose reports come twice a second when it has nothing else to send: another path is tried. Less
 * than a stop of the frames, for it may be over before they are missed.
 */
const SILENT_MS = 700;

/** More such stops within the window, and the network does not carry real time. */
const MAX_FREEZES = 2;
const FREEZE_WINDOW_MS = 30_000;

/** A replacement that shows nothing after this much had no more to show: the network is fine, it is the publisher who stalls. */
const LASTED_MS = 3000;

/** A publisher that stalls is given this long before the connection is doubted again. */
const PUBLISHER_WAIT_MS = 5000;

/** Frames younger than this are frames that come. */
const HEALTHY_MS = 500;

/** Real time is tried again behind the back of segments; each failure doubles the wait. */
const RETRY_MS = 30_000;
const MAX_RETRY_MS = 300_000;

/** A publisher that just came back has this long until its first frame. */
const RESUME_GRACE_MS = 2500;

/** What the switch watches of a connection. */
export interface WatchedSource {
  /** False when it will not come back. */
  readonly alive: boolean;
  /** How long nothing came that should have come, or nothing that could be shown. */
  readonly idleMs: number;
  /** How long nothing at all came, as far as the browser tells. */
  readonly silentMs: number;
  /** Counts anew: nothing was due until now. */
  forgive(): void;
  close(): void;
}

/** One real-time connection that has shown its first frame. */
export interface RealTimeSource extends WatchedSource {
  readonly stream: MediaStream;
  readonly stats: ReceiveStats;
  /** How long nothing new was decoded, for whatever reason. */
  readonly stillMs: number;
  /** The sizes to choose from, best first; empty until the server has told. */
  readonly layers: readonly Layer[];
  /** Name of the one that was chosen; undefined is the best that the network takes. */
  readonly layer: string | undefined;
  chooseLayer(rid: string | undefined): void;
}

export interface EngineSwitchDeps<Source extends WatchedSource> {
  /** Undefined when there is no WHEP address, or no way to use it here. */
  readonly openRealTime: ((signal: AbortSignal) => Promise<Source>) | undefined;
  /** Puts the source on the element. */
  showRealTime(source: Source): Engine;
  /** Begins segments on the element; undefined when that failed and was told. */
  showSegments(delay: Delay): Promise<Engine | undefined>;
  /** Called while the old picture is still there. */
  beforeChange(): void;
  changed(): void;
  readonly now: () => number;
}

export class EngineSwitch<Source extends WatchedSource = RealTimeSource> {
  readonly #deps: EngineSwitchDeps<Source>;
  #latency: Latency;
  #engine: Engine | undefined;
  /** What the engine shows, when it is real time. */
  #source: Source | undefined;
  #candidate: AbortController | undefined;
  #deadline: number | undefined;
  #fallBack: FallBack | undefined;
  #freezes: number[] = [];
  /** The connection on trial is there for a silence that was no freeze yet. */
  #isEarly = false;
  #retryAt = Number.POSITIVE_INFINITY;
  #retryMs = RETRY_MS;
  #graceUntil = 0;
  #due = false;
  #shownAt = 0;
  #healthyAt = 0;
  /** What is shown took the place of a connection whose frames stopped. */
  #replacement = false;
  #waitedForPublisher = false;
  #segments = 0;
  #closed = false;

  constructor(deps: EngineSwitchDeps<Source>, latency: Latency) {
    this.#deps = deps;
    this.#latency = latency;
  }

  get engine(): Engine | undefined {
    return this.#engine;
  }

  get latency(): Latency {
    return this.#latency;
  }

  get fallBack(): FallBack | undefined {
    return this.#latency === 'real-time' ? this.#fallBack : undefined;
  }

  /** Begins from nothing: for a broadcast that is new to the element. */
  begin(): void {
    this.#clear();
    this.#fallBack = undefined;
    this.#freezes = [];
    this.#retryMs = RETRY_MS;
    if (this.#latency !== 'real-time') void this.#useSegments();
    else if (this.#deps.openRealTime) this.#tryRealTime(this.#deps.now() + FIRST_FRAME_MS);
    else this.#fall('unsupported');
  }

  /** @param begun false before there was anything to see: the choice is kept for then. */
  choose(latency: Latency, begun: boolean): void {
    if (latency === this.#latency) return;
    this.#latency = latency;
    this.#fallBack = undefined;
    this.#retryMs = RETRY_MS;
    if (!begun) return;
    if (latency !== 'real-time') {
      this.#giveUpCandidate();
      if (this.#source || !this.#engine) void this.#useSegments();
      else this.#engine.chooseDelay(delayOf(latency));
    } else if (!this.#deps.openRealTime) {
      this.#fallBack = 'unsupported';
    } else if (!this.#source) {
      this.#tryRealTime(this.#engine ? undefined : this.#deps.now() + FIRST_FRAME_MS);
    }
    this.#deps.changed();
  }

  /**
   * Looks after what is shown. `due`: the broadcast is live and the viewer wants to see it, so frames have to come. `isAtLive`: what happens now, not what was paused or
   * missed, which real time would take away when it comes back.
   */
  tick(due: boolean, isAtLive = true): void {
    const now = this.#deps.now();
    if (due && !this.#due) this.#graceUntil = now + RESUME_GRACE_MS;
    this.#due = due;
    if (this.#deadline !== undefined && now >= this.#deadline) {
      this.#deadline = undefined;
      this.#fall(this.#source ? 'frozen' : 'slow');
      return;
    }
    if (!due) return;
    if (this.#source) this.#watch(this.#source, now);
    else if (isAtLive && this.#latency === 'real-time' && !this.#candidate && now >= this.#retryAt) this.#tryRealTime(undefined);
  }

  /** The network or the publisher is back. */
  retryNow(): void {
    this.#engine?.retryNow();
    if (this.#source) {
      this.#source.forgive();
      this.#graceUntil = this.#deps.now() + RESUME_GRACE_MS;
    } else if (this.#retryAt !== Number.POSITIVE_INFINITY) {
      this.#retryAt = this.#deps.now();
    }
  }

  /** The broadcast is over: nothing is shown until it begins again. */
  rest(): void {
    this.#clear();
    this.#deps.changed();
  }

  close(): void {
    this.#closed = true;
    this.#clear();
  }

  #watch(source: Source, now: number): void {
    const frozen = !source.alive || source.idleMs >= FROZEN_MS;
    const silent = source.silentMs >= SILENT_MS;
    if (source.idleMs < HEALTHY_MS) this.#healthyAt = now;
    if (!(frozen || silent) || (source.alive && now < this.#graceUntil)) {
      // It came back by itself before the second connection did.
      if (this.#candidate && source.idleMs === 0) this.#giveUpCandidate();
      return;
    }
    if (this.#candidate) return;
    if (source.alive && !silent && this.#replacement && this.#healthyAt - this.#shownAt < LASTED_MS) {
      this.#waitedForPublisher = !this.#waitedForPublisher;
      if (this.#waitedForPublisher) this.#graceUntil = now + PUBLISHER_WAIT_MS;
      else this.#tryRealTime(now + FIRST_FRAME_MS);
      return;
    }
    this.#freezes = this.#freezes.filter((at) => now - at < FREEZE_WINDOW_MS);
    if (frozen) this.#freezes.push(now);
    this.#isEarly = !frozen;
    if (this.#freezes.length > MAX_FREEZES) this.#fall('frozen');
    else this.#tryRealTime(now + FIRST_FRAME_MS);
  }

  /** @param deadline when segments begin if there is no frame; none while something is shown that works. */
  #tryRealTime(deadline: number | undefined): void {
    const { openRealTime } = this.#deps;
    if (!openRealTime) return;
    this.#giveUpCandidate();
    const candidate = new AbortController();
    this.#candidate = candidate;
    this.#deadline = deadline;
    this.#retryAt = Number.POSITIVE_INFINITY;
    openRealTime(candidate.signal).then(
      (source) => {
        if (this.#candidate !== candidate || this.#closed) source.close();
        else this.#show(source);
      },
      (error: unknown) => {
        if (this.#candidate !== candidate || this.#closed) return;
        this.#candidate = undefined;
        this.#failed(error);
      },
    );
  }

  #show(source: Source): void {
    this.#candidate = undefined;
    this.#deadline = undefined;
    this.#segments++;
    this.#fallBack = undefined;
    this.#deps.beforeChange();
    const old = this.#engine;
    // Segments hold the element by its address; another connection lets go by itself.
    if (!this.#source) old?.close();
    this.#replacement = this.#source !== undefined;
    this.#shownAt = this.#deps.now();
    if (this.#replacement && this.#isEarly) this.#freezes.push(this.#shownAt);
    this.#healthyAt = this.#shownAt;
    this.#source = source;
    this.#engine = this.#deps.showRealTime(source);
    if (old && old.protocol === 'whep') old.close();
    this.#graceUntil = this.#deps.now() + RESUME_GRACE_MS;
    this.#deps.changed();
  }

  #failed(error: unknown): void {
    const status = error instanceof SignallingError ? error.status : 0;
    const never = status >= 400 && status < 500 && status !== 408 && status !== 409 && status !== 429;
    // Tried behind the back of segments, which are there or on their way.
    const behind = !this.#source && this.#deadline === undefined && (this.#engine !== undefined || this.#fallBack !== undefined);
    this.#deadline = undefined;
    if (behind) {
      this.#fallBack = never ? 'refused' : 'slow';
      this.#retryLater(never);
      this.#deps.changed();
      return;
    }
    this.#fall(never ? 'refused' : this.#source ? 'frozen' : 'slow', never);
  }

  #fall(reason: FallBack, never = reason === 'unsupported'): void {
    this.#fallBack = reason;
    this.#retryLater(never);
    // A first connection that is only slow may still win.
    if (reason !== 'slow') this.#giveUpCandidate();
    void this.#useSegments();
    this.#deps.changed();
  }

  #retryLater(never: boolean): void {
    this.#retryAt = never ? Number.POSITIVE_INFINITY : this.#deps.now() + this.#retryMs;
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }

  async #useSegments(): Promise<void> {
    const turn = ++this.#segments;
    if (this.#engine) this.#deps.beforeChange();
    this.#engine?.close();
    this.#engine = undefined;
    this.#source = undefined;
    const engine = await this.#deps.showSegments(delayOf(this.#latency));
    if (turn !== this.#segments || this.#closed) {
      engine?.close();
      return;
    }
    this.#engine = engine;
    this.#deps.changed();
  }

  #giveUpCandidate(): void {
    this.#candidate?.abort();
    this.#candidate = undefined;
    this.#deadline = undefined;
  }

  #clear(): void {
    this.#segments++;
    this.#giveUpCandidate();
    this.#engine?.close();
    this.#engine = undefined;
    this.#source = undefined;
    this.#retryAt = Number.POSITIVE_INFINITY;
  }
}

function delayOf(latency: Latency): Delay {
  return latency === 'stable' ? 'steady' : 'lowest';
}
