/**
 * A live player on one media element. It is told what the broadcast does, picks the engine, recovers by itself and reports its
 * state; the state changes only when the element confirms it.
 */
import type { BroadcastState } from '@millrace/contract/entities/broadcast';
import { ElementEngines, type EngineOptions } from './element-engines.ts';
import type { Engine, EngineDetails, EngineListener } from './engine.ts';
import { EngineSwitch, type Latency } from './engine-switch.ts';
import { FrameHold } from './frame-hold.ts';
import { PictureFlow } from './picture-flow.ts';
import type { Absence } from './playlist-times.ts';
import { looksSame, type PlayerSnapshot } from './snapshot.ts';
import { hasMedia, INITIAL_FACTS, type PlayerFacts, playerState } from './state.ts';

/** How often the element's clock is compared with itself and the latency told. */
const TICK_MS = 250;

/** Nearer to the target than this, the viewer is at the live edge. */
const LIVE_TOLERANCE_MS = 2500;

/** Behind this much with an unknown target, the viewer is no longer at the live edge. */
const FAR_BEHIND_MS = 8000;

export interface PlayOptions extends EngineOptions {
  /** Default `real-time`, which falls back to segments by itself. */
  readonly latency?: Latency;
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
  readonly #flow = new PictureFlow({ now: () => performance.now() });
  /** What real time is to be gone back from, in seconds, once there are segments; and what `goLive` returns to. */
  #goingBack: number | undefined;
  #latencyAtLive: Latency | undefined;
  #epoch: string | null = null;
  #wantsPlay = true;
  #mutedByBrowser = false;
  #stalls = 0;
  #snapshot: PlayerSnapshot;

  constructor(options: PlayOptions) {
    this.#options = options;
    this.#video = options.video;
    this.#facts = { ...INITIAL_FACTS, mayPreview: options.preview !== undefined };
    this.#hold = new FrameHold(options.video);
    const engines = new ElementEngines({ options, listener: this.#listener, signal: this.#abort.signal });
    this.#switch = new EngineSwitch(
      {
        openRealTime: engines.openRealTime,
        showRealTime: (source) => engines.showRealTime(source),
        showSegments: (delay) => engines.showSegments(delay),
        beforeChange: () => {
          this.#hold.hold();
          this.#flow.beginChange();
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

  /** Shows what was so many seconds ago. Real time has no past: segments take its place, or keep it, until the viewer goes to live again. */
  rewind(seconds: number): void {
    if (this.#switch.latency === 'real-time') {
      this.#latencyAtLive = 'real-time';
      this.#switch.choose('low', this.#facts.attached);
    }
    this.#goingBack = this.#switch.engine?.goBack(seconds) ? undefined : seconds;
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

  /** The source ran dry, or changes. */
  #stopped(): void {
    if (!this.#flow.isChanging) this.#set({ flowing: false });
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
    this.#flow.begin(this.#video.currentTime);
    this.#wantsPlay = true;
    this.#set({ flowing: true, hasPlayed: true, paused: false, blocked: false, finished: false });
  }

  #tick(): void {
    this.#switch.tick(this.#facts.broadcast === 'live' && this.#wantsPlay && this.#facts.attached, this.#snapshot.atLive);
    if (this.#goingBack !== undefined && this.#switch.engine?.goBack(this.#goingBack)) this.#goingBack = undefined;
    const seen = this.#flow.look(this.#video, this.#switch.engine?.idleMs);
    if (seen === 'moves' && !this.#facts.flowing) this.#moved();
    else if (seen === 'stands' && this.#facts.flowing) this.#set({ flowing: false });
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
    if (looksSame(this.#snapshot, next)) return;
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
