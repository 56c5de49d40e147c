/** The engines that can play a stream's addresses on one element, and which of them this browser is able to use. */
import type { Playback } from '@millrace/contract/entities/stream';
import type { ServerClock } from '../server-clock.ts';
import type { Delay, Engine, EngineListener } from './engine.ts';
import { HlsJsEngine, type HlsModule } from './hls-js-engine.ts';
import { nativeEngine } from './native-engine.ts';
import { whepEngine } from './whep-engine.ts';
import { type ChosenLayer, WhepSource } from './whep-source.ts';

/** A player that could not be fetched is asked for again after this. */
const LOAD_RETRY_MS = 1500;

export interface EngineOptions {
  readonly video: HTMLVideoElement;
  /** Without a WHEP address there is no real time. */
  readonly playback: Pick<Playback, 'hls'> & Partial<Pick<Playback, 'whep'>>;
  readonly clock: ServerClock;
  readonly loadHls: () => Promise<HlsModule>;
  /** What the stream socket's `watch()` is told as `visitorId`: with it the server counts that socket and not the real-time sessions beside it. */
  readonly viewer?: string;
  /** A recording: it has a beginning and an end, and no live edge. */
  readonly recording?: { readonly startAt: number };
  /** The owner's preview: plays before viewers may, with the owner's bearer. */
  readonly preview?: { readonly token: string | undefined };
}

export interface ElementEnginesDeps {
  readonly options: EngineOptions;
  readonly listener: EngineListener;
  /** Aborted: nothing is fetched any more. */
  readonly signal: AbortSignal;
}

export class ElementEngines {
  readonly #options: EngineOptions;
  readonly #listener: EngineListener;
  readonly #signal: AbortSignal;
  readonly #chosen: ChosenLayer = { rid: undefined };

  constructor({ options, listener, signal }: ElementEnginesDeps) {
    this.#options = options;
    this.#listener = listener;
    this.#signal = signal;
  }

  /** Undefined when there is no address for it, or no WebRTC here. */
  get openRealTime(): ((signal: AbortSignal) => Promise<WhepSource>) | undefined {
    const { playback, preview, viewer } = this.#options;
    const { whep } = playback;
    if (whep === undefined || !('RTCPeerConnection' in globalThis)) return undefined;
    const url = viewer === undefined ? whep : withViewer(whep, viewer);
    const settings = {
      url,
      token: preview?.token,
      chosen: this.#chosen,
      fetch: (...request: Parameters<typeof fetch>) => fetch(...request),
      RTCPeerConnection,
      now: () => performance.now(),
    };
    return (signal) => WhepSource.open({ ...settings, signal });
  }

  showRealTime(source: WhepSource): Engine {
    const { video, clock } = this.#options;
    return whepEngine({ video, source, clock, listener: this.#listener });
  }

  /** Undefined when there is no way to play segments here, which the listener was told, or when nobody wants them any more. */
  async showSegments(delay: Delay): Promise<Engine | undefined> {
    const { video, playback, preview, recording } = this.#options;
    const listener = this.#listener;
    if (!('MediaSource' in globalThis) && video.canPlayType('application/vnd.apple.mpegurl') !== '') return nativeEngine(video, playback.hls, listener, recording?.startAt);
    const module = await this.#load();
    if (!module) return undefined;
    if (module.default.isSupported()) {
      return new HlsJsEngine({ module, video, url: playback.hls, authorization: preview?.token, delay, startAt: recording?.startAt, listener, now: () => performance.now() });
    }
    listener.unplayable('unsupported');
    return undefined;
  }

  /** The chunk may fail to come; the network may be back in a moment. */
  async #load(): Promise<HlsModule | undefined> {
    while (!this.#signal.aborted) {
      const module = await this.#options.loadHls().catch(() => undefined);
      if (module) return module;
      await new Promise((resolve) => setTimeout(resolve, LOAD_RETRY_MS));
    }
    return undefined;
  }
}

function withViewer(whep: string, viewer: string): string {
  return `${whep}${whep.includes('?') ? '&' : '?'}viewer=${encodeURIComponent(viewer)}`;
}
