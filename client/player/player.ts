/**
 * A live player on one media element. It is told what the broadcast does, picks the engine, recovers by itself and reports its
 * state; the state changes only when the element confirms it.
 */
import type { BroadcastState } from '@millrace/contract/entities/broadcast';
import type { Playback } from '@millrace/contract/entities/stream';
import type { ServerClock } from '../server-clock.ts';
import type { Delay, Engine, EngineDetails, EngineListener, Quality } from './engine.ts';
import { EngineSwitch, type FallBack, type Latency } from './engine-switch.ts';
import { FrameHold } from './frame-hold.ts';
import { HlsJsEngine, type HlsModule } from './hls-js-engine.ts';
import { nativeEngine } from './native-engine.ts';
import type { Absence } from './playlist-times.ts';
import { hasMedia, INITIAL_FACTS, type PlayerFacts, type PlayerState, playerState, type UnplayableReason } from './state.ts';
import { whepEngine } from './whep-engine.ts';
import { type ChosenLayer, WhepSource } from './whep-source.ts';

/** How often the element's clock is compared with itself and the latency told. */
const TICK_MS = 250;

/** The element's clock stands still for this long before playback is called stalled: a frame at 2 fps is no stall. */
const STALL_MS = 750;

/** Nearer to the target than this, the viewer is at the live edge. */
const LIVE_TOLERANCE_MS = 2500;

/** A player that could not be fetched is asked for again after this. */
const LOAD_RETRY_MS = 1500;

/** A change of the source shows its last frame for this long before it counts as a stall. */
const CHANGE_MS = 2500;

/** Behind this much with an unknown target, the viewer is no longer at the live edge. */
const FAR_BEHIND_MS = 8000;

export interface PlayerSnapshot {
  readonly state: PlayerState;
  readonly unplayable: UnplayableReason | undefined;
  /** Server clock minus the clock of the shown picture; undefined while either is unknown. */
  readonly latencyMs: number | undefined;
  /** False when the viewer paused or fell back and could go to live. */
  readonly atLive: boolean;
  /** The browser allowed playback only without sound. */
  readonly mutedByBrowser: boolean;
  readonly stalls: number;
  readonly qualities: readonly Quality[];
  readonly quality: number | undefined;
  /** What was asked for. */
  readonly latency: Latency;
  /** What is used. */
  readonly protocol: Engine['protocol'] | undefined;
  /** Why it is not real time although that was asked for. */
  readonly fallBack: FallBack | undefined;
}

export interface PlayOptions {
  readonly video: HTMLVideoElement;
  /** Without a WHEP address there is no real time. */
  readonly playback: Pick<Playback, 'hls'> & Partial<Pick<Playback, 'whep'>>;
  /** Default `real-time`, which falls back to segments by itself. */
  readonly latency?: Latency;
  readonly clock: ServerClock;
  readonly loadHls: () => Promise<HlsModule>;
  /** What the stream socket's `watch()` is told as `visitorId`: with it the server counts that socket and not the real-time sessions beside it. */
  readonly viewer?: string;
  /** A recording: it has a beginning and an end, and no live edge. */
  readonly recording?: { readonly startAt: number };
  /** The owner's preview: plays before viewers may, with the owner's bearer. */
  readonly preview?: { readonly token: string | undefined };
  readonly onChange: (snapshot: PlayerSnapshot) => void;
}

export interface BroadcastFacts {
  readonly status: BroadcastState;
  /** Null while unknown. A change means that the playlists began anew. */
  readonly epoch: string | null;
}

/** Makes a player that begins as soon as `broadcast` says that there is something to see. */
export function play(options: PlayOptions): Player {
  return new Player(options);
}

export class Player {
  readonly #options: PlayOptions;
  readonly #video: HTMLVideoElement;
  readonly #abort = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #listener: EngineListener = {
    ready: () => {
      this.#set({ unplayable: undefined });
      if (this.#wantsPlay) void this.play();
    },
    unplayable: (reason) => this.#set({ unplayable: reason }),
    qualities: () => this.#tell(),
  };
  #facts: PlayerFacts;
  readonly #switch: EngineSwitch;
  readonly #hold: FrameHold;
  #changingUntil = 0;
  /** What real time is to be gone back from, in seconds, once there are segments; and what `goLive` returns to. */
  #goingBack: number | undefined;
  #latencyAtLive: Latency | undefined;
  #epoch: string | null = null;
  #wantsPlay = true;
  #mutedByBrowser = false;
  #stalls = 0;
  #lastTime = -1;
  #movedAt = 0;
  #snapshot: PlayerSnapshot;

  constructor(options: PlayOptions) {
    this.#options = options;
    this.#video = options.video;
    this.#facts = { ...INITIAL_FACTS, mayPreview: options.preview !== undefined };
    this.#hold = new FrameHold(options.video);
    this.#switch = new EngineSwitch(
      {
        openRealTime: this.#realTime(),
        showRealTime: (source) => whepEngine({ video: options.video, source, clock: options.clock, listener: this.#listener }),
        showSegments: (delay) => this.#showSegments(delay),
        beforeChange: () => {
          this.#hold.hold();
          this.#changingUntil = performance.now() + CHANGE_MS;
        },
        changed: () => this.#tell(),
        now: () => performance.now(),
      },
      options.latency ?? 'real-time',
    );
    this.#snapshot = this.#look();
    const on = (type: string, handle: () => void) => this.#video.addEventListener(type, handle, { signal: this.#abort.signal });
    on('playing', () => this.#moved());
    on('waiting', () => {
      // A seek waits too, but nothing ran dry.
      if (!this.#video.seeking) this.#stopped();
    });
    on('pause', () => this.#paused());
    on('play', () => this.#set({ paused: false, blocked: false }));
    on('ended', () => this.#set({ flowing: false, finished: true }));
    on('emptied', () => this.#stopped());
    on('volumechange', () => {
      if (!this.#video.muted) this.#mutedByBrowser = false;
      this.#tell();
    });
    globalThis.addEventListener?.('online', () => this.#switch.retryNow(), { signal: this.#abort.signal });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get snapshot(): PlayerSnapshot {
    return this.#snapshot;
  }

  get details(): EngineDetails | undefined {
    return this.#switch.engine?.details;
  }

  get protocol(): Engine['protocol'] {
    return this.#switch.engine?.protocol ?? 'll-hls';
  }

  /** What the server says of the broadcast. Playlists that began anew are loaded on the same element. */
  broadcast({ status, epoch }: BroadcastFacts): void {
    const before = this.#facts;
    const anew = epoch !== null && this.#epoch !== null && epoch !== this.#epoch;
    if (epoch !== null) this.#epoch = epoch;
    this.#set({ broadcast: status });
    // Segments are shown to their end; in real time there is nothing left.
    if (status === 'ended' && this.#switch.engine?.protocol === 'whep') {
      this.#switch.rest();
      this.#set({ flowing: false, finished: true });
    }
    if (!hasMedia(this.#facts)) return;
    const returned = before.broadcast === 'ended' || before.broadcast === 'idle' || (before.broadcast === 'preview' && !before.mayPreview);
    // Playlists that begin anew mean nothing to a connection in real time.
    if (!this.#facts.attached || returned || (anew && this.#switch.engine?.protocol !== 'whep')) this.#attach();
    else if (before.broadcast === 'reconnecting' && status === 'live') this.#switch.retryNow();
  }

  /** Plays, with the sound the element is set to; without sound where the browser insists. */
  async play(): Promise<void> {
    this.#wantsPlay = true;
    const video = this.#video;
    try {
      await video.play();
    } catch (error) {
      if (!isNotAllowed(error)) return;
      if (video.muted) {
        this.#set({ blocked: true });
        return;
      }
      video.muted = true;
      this.#mutedByBrowser = true;
      await video.play().catch((again: unknown) => {
        if (isNotAllowed(again)) this.#set({ blocked: true });
      });
      this.#tell();
    }
  }

  pause(): void {
    this.#wantsPlay = false;
    this.#video.pause();
  }

  /** Leaves what was paused or missed and shows what happens now. */
  goLive(): void {
    this.#goingBack = undefined;
    const latency = this.#latencyAtLive;
    this.#latencyAtLive = undefined;
    if (latency) this.#switch.choose(latency, this.#facts.attached);
    this.#switch.engine?.goLive();
    void this.play();
  }

  /** How far behind the live edge the picture is, seconds; 0 in real time. Undefined before there is one. */
  get behindSeconds(): number | undefined {
    if (this.#goingBack !== undefined) return this.#goingBack;
    const { engine } = this.#switch;
    return engine?.protocol === 'whep' ? 0 : engine?.behind();
  }

  /** When the picture so many seconds before the live edge was taken, ms since the Unix epoch; undefined while it is not known. */
  dateBehind(seconds: number): number | undefined {
    return this.#switch.engine?.dateBehind(seconds);
  }

  /** Where in a recording its publisher was away. */
  get absences(): readonly Absence[] {
    return this.#switch.engine?.absences ?? [];
  }

  /** Shows what was so many seconds ago. Real time has no past: segments take its place until the viewer goes to live again. */
  rewind(seconds: number): void {
    const { engine } = this.#switch;
    if (!engine?.goBack(seconds)) {
      this.#goingBack = seconds;
      if (engine?.protocol === 'whep') {
        this.#latencyAtLive ??= this.#switch.latency;
        this.#switch.choose('low', this.#facts.attached);
      }
    }
    void this.play();
  }

  /** Forward or back by so many seconds, to live at the most. */
  seekBy(seconds: number): void {
    const video = this.#video;
    if (this.#options.recording) {
      video.currentTime = Math.min(video.duration || 0, Math.max(0, video.currentTime + seconds));
      return;
    }
    const behind = this.behindSeconds;
    if (behind === undefined) return;
    if (behind - seconds < LIVE_TOLERANCE_MS / 1000) this.goLive();
    else this.rewind(behind - seconds);
  }

  /** Gives the sound back that the browser took; called from a tap or a key. */
  unmute(): void {
    this.#video.muted = false;
    if (this.#video.volume === 0) this.#video.volume = 1;
    void this.play();
  }

  chooseQuality(index: number | undefined): void {
    this.#switch.engine?.chooseQuality(index);
    this.#tell();
  }

  chooseLatency(latency: Latency): void {
    this.#latencyAtLive = undefined;
    this.#goingBack = undefined;
    // Before there is anything to see it is only remembered.
    this.#switch.choose(latency, this.#facts.attached);
    this.#tell();
  }

  /** Tries again what was called unplayable. */
  retry(): void {
    this.#attach();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#abort.abort();
    this.#switch.close();
    this.#hold.close();
  }

  #attach(): void {
    this.#goingBack = undefined;
    this.#latencyAtLive = undefined;
    this.#set({ attached: true, hasPlayed: false, flowing: false, finished: false, blocked: false, unplayable: undefined });
    this.#switch.begin();
  }

  #realTime(): ((signal: AbortSignal) => Promise<WhepSource>) | undefined {
    const { playback, preview, viewer } = this.#options;
    const { whep } = playback;
    if (whep === undefined || !('RTCPeerConnection' in globalThis)) return undefined;
    const url = viewer === undefined ? whep : withViewer(whep, viewer);
    const chosen: ChosenLayer = { rid: undefined };
    return (signal) => WhepSource.open({ url, token: preview?.token, chosen, signal, fetch: (...request) => fetch(...request), RTCPeerConnection, now: () => performance.now() });
  }

  async #showSegments(delay: Delay): Promise<Engine | undefined> {
    const { video, playback, loadHls, preview, recording } = this.#options;
    const listener = this.#listener;
    if (!('MediaSource' in globalThis) && video.canPlayType('application/vnd.apple.mpegurl') !== '') return nativeEngine(video, playback.hls, listener, recording?.startAt);
    const module = await this.#load(loadHls);
    if (!module) return undefined;
    if (module.default.isSupported()) {
      return new HlsJsEngine({ module, video, url: playback.hls, authorization: preview?.token, delay, startAt: recording?.startAt, listener, now: () => performance.now() });
    }
    this.#set({ unplayable: 'unsupported' });
    return undefined;
  }

  /** The chunk may fail to come; the network may be back in a moment. */
  async #load(loadHls: () => Promise<HlsModule>): Promise<HlsModule | undefined> {
    while (!this.#abort.signal.aborted) {
      const module = await loadHls().catch(() => undefined);
      if (module) return module;
      await new Promise((resolve) => setTimeout(resolve, LOAD_RETRY_MS));
    }
    return undefined;
  }

  /** The source ran dry, or changes. */
  #stopped(): void {
    if (performance.now() > this.#changingUntil) this.#set({ flowing: false });
  }

  #paused(): void {
    // An element pauses by itself at its end and when its source goes; only the rest is the viewer's doing.
    if (!this.#video.ended && this.#video.readyState > 0) {
      this.#wantsPlay = false;
      this.#switch.engine?.stay();
    }
    this.#set({ paused: true, flowing: false });
  }

  #moved(): void {
    this.#movedAt = performance.now();
    this.#changingUntil = 0;
    this.#lastTime = this.#video.currentTime;
    this.#wantsPlay = true;
    this.#set({ flowing: true, hasPlayed: true, paused: false, blocked: false, finished: false });
  }

  #tick(): void {
    const { currentTime, paused, readyState } = this.#video;
    this.#switch.tick(this.#facts.broadcast === 'live' && this.#wantsPlay && this.#facts.attached);
    if (this.#goingBack !== undefined && this.#switch.engine?.goBack(this.#goingBack)) this.#goingBack = undefined;
    const idleMs = this.#switch.engine?.idleMs;
    const moves = idleMs === undefined ? currentTime !== this.#lastTime : idleMs < STALL_MS;
    if (!paused && moves && this.#lastTime >= 0 && readyState > 1) {
      const advanced = currentTime > this.#lastTime || idleMs !== undefined;
      this.#lastTime = currentTime;
      if (advanced && !this.#facts.flowing) this.#moved();
      else if (advanced) this.#movedAt = performance.now();
    } else if (this.#facts.flowing && performance.now() - this.#movedAt > STALL_MS && performance.now() > this.#changingUntil) {
      this.#set({ flowing: false });
    }
    if (this.#lastTime < 0) this.#lastTime = currentTime;
    this.#tell();
  }

  #set(change: Partial<PlayerFacts>): void {
    const before = playerState(this.#facts);
    this.#facts = { ...this.#facts, ...change };
    const after = playerState(this.#facts);
    if (before === 'playing' && after === 'stalled') this.#stalls++;
    this.#tell();
  }

  #tell(): void {
    const next = this.#look();
    if (sameSnapshot(this.#snapshot, next)) return;
    this.#snapshot = next;
    this.#options.onChange(next);
  }

  #look(): PlayerSnapshot {
    const { engine } = this.#switch;
    const state = playerState(this.#facts);
    const shownAt = this.#facts.hasPlayed && state !== 'ended' ? engine?.shownAt() : undefined;
    const latencyMs = shownAt === undefined || !this.#options.clock.known ? undefined : Math.max(0, Math.round(this.#options.clock.now() - shownAt));
    const target = engine?.details.targetLatencyMs;
    const limit = target === undefined ? FAR_BEHIND_MS : target + LIVE_TOLERANCE_MS;
    return {
      state,
      unplayable: this.#facts.unplayable,
      latencyMs,
      atLive: !this.#facts.paused && (latencyMs === undefined || latencyMs <= limit),
      mutedByBrowser: this.#mutedByBrowser && this.#video.muted,
      stalls: this.#stalls,
      qualities: engine?.qualities ?? [],
      quality: engine?.quality,
      latency: this.#latencyAtLive ?? this.#switch.latency,
      protocol: engine?.protocol,
      fallBack: this.#switch.fallBack,
    };
  }
}

function isNotAllowed(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'NotAllowedError';
}

/** Latency is told in steps that a person can read, so that a page is not drawn anew four times a second. */
const LATENCY_STEP_MS = 100;

function sameSnapshot(a: PlayerSnapshot, b: PlayerSnapshot): boolean {
  return (
    a.state === b.state &&
    a.unplayable === b.unplayable &&
    a.atLive === b.atLive &&
    a.mutedByBrowser === b.mutedByBrowser &&
    a.stalls === b.stalls &&
    a.quality === b.quality &&
    a.latency === b.latency &&
    a.protocol === b.protocol &&
    a.fallBack === b.fallBack &&
    a.qualities.length === b.qualities.length &&
    (a.latencyMs === undefined) === (b.latencyMs === undefined) &&
    Math.abs((a.latencyMs ?? 0) - (b.latencyMs ?? 0)) < LATENCY_STEP_MS
  );
}

function withViewer(whep: string, viewer: string): string {
  return `${whep}${whep.includes('?') ? '&' : '?'}viewer=${encodeURIComponent(viewer)}`;
}
