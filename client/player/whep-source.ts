/** One WHEP session: a peer connection that receives, watched by what it decodes. */
import type { Layer } from '@millrace/contract/entities/layer';
import { deferred } from '../webrtc/deferred.ts';
import { negotiate } from '../webrtc/negotiate.ts';
import { type Signalling, SignallingError } from '../webrtc/signalling.ts';
import { recordsOf } from '../webrtc/stats-record.ts';
import type { RealTimeSource } from './engine-switch.ts';
import { readLayers, selectLayer } from './layers.ts';
import { hasOnlyReports, hasProgressed, type ReceiveStats, receiveStats, wasSilent } from './receive-stats.ts';

/** How often decoding is looked at: until the first frame, and after it. */
const FIRST_LOOK_MS = 40;
const LOOK_MS = 250;

/** Without a frame for this long there will be none. */
const CONNECT_MS = 8000;

/** Sizes come and go, with what the publisher sends and with what the server has time for: so often they are asked for. */
const LAYERS_MS = 20_000;

/** A look that came late, because the page slept, says nothing of the time between. */
const MAX_COUNTED_MS = 500;

/** What a viewer chose, for this connection and those that take its place. */
export interface ChosenLayer {
  /** Undefined is the best that the network takes. */
  rid: string | undefined;
}

export interface WhepSourceOptions {
  readonly url: string;
  readonly token?: string | undefined;
  readonly chosen: ChosenLayer;
  readonly signal: AbortSignal;
  readonly fetch: typeof fetch;
  readonly RTCPeerConnection: typeof RTCPeerConnection;
  readonly now: () => number;
}

export class WhepSource implements RealTimeSource {
  readonly stream = new MediaStream();
  readonly #options: WhepSourceOptions;
  readonly #peer: RTCPeerConnection;
  readonly #gone = deferred();
  readonly #first = deferred();
  #signalling: Signalling | undefined;
  #layers: readonly Layer[] = [];
  #layersAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stats: ReceiveStats = { frames: undefined, bytes: 0, pathBytes: undefined, playsFromMs: undefined, delayMs: undefined, codecs: [] };
  #lookedAt: number;
  #idleMs = 0;
  #stillMs = 0;
  #silentMs = 0;
  #alive = true;

  private constructor(options: WhepSourceOptions) {
    this.#options = options;
    this.#lookedAt = options.now();
    const peer = new options.RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.#peer = peer;
    for (const kind of ['audio', 'video']) peer.addTransceiver(kind, { direction: 'recvonly' });
    peer.addEventListener('track', ({ track, receiver }) => {
      // As near to live as the network lets it; the browser adds what loss and jitter demand.
      if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
      this.stream.addTrack(track);
    });
    peer.addEventListener('connectionstatechange', () => {
      if (peer.connectionState === 'failed' || peer.connectionState === 'closed') this.#lose();
    });
    this.#gone.promise.catch(() => undefined);
    this.#first.promise.catch(() => undefined);
  }

  /** Resolves at the first decoded frame. Throws SignallingError. */
  static async open(options: WhepSourceOptions): Promise<WhepSource> {
    const source = new WhepSource(options);
    const abort = () => source.#first.reject(new SignallingError('given up', 0));
    const late = setTimeout(() => source.#first.reject(new SignallingError('no picture in time', 0)), CONNECT_MS);
    options.signal.addEventListener('abort', abort, { once: true });
    try {
      source.#signalling = await negotiate(source.#peer, options, options.signal);
      source.#look(FIRST_LOOK_MS);
      await source.#first.promise;
      // What was chosen on the connection before this one is chosen here too, where it exists.
      void source.#learnLayers().then(() => (source.layer === undefined ? undefined : source.#select()));
      return source;
    } catch (error) {
      source.close();
      throw error;
    } finally {
      clearTimeout(late);
      options.signal.removeEventListener('abort', abort);
    }
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** How long nothing came of the server, or nothing new of what came: a publisher that is silent is not counted. */
  get idleMs(): number {
    return this.#idleMs;
  }

  /** How long nothing new was decoded, as far as anybody looked. */
  get stillMs(): number {
    return this.#stillMs;
  }

  get silentMs(): number {
    return this.#silentMs;
  }

  get stats(): ReceiveStats {
    return this.#stats;
  }

  get layers(): readonly Layer[] {
    return this.#layers;
  }

  get layer(): string | undefined {
    return this.#layers.find(({ rid }) => rid === this.#options.chosen.rid)?.rid;
  }

  chooseLayer(rid: string | undefined): void {
    this.#options.chosen.rid = rid;
    void this.#select();
  }

  /** Begins to count anew: nothing was due until now. */
  forgive(): void {
    this.#idleMs = 0;
    this.#silentMs = 0;
  }

  close(): void {
    this.#signalling?.end();
    this.#peer.close();
    this.#lose();
  }

  async #learnLayers(): Promise<void> {
    this.#layersAt = this.#options.now();
    if (this.#signalling) this.#layers = (await readLayers(this.#signalling)) ?? this.#layers;
  }

  async #select(): Promise<void> {
    if (this.#signalling && !(await selectLayer(this.#signalling, this.layer))) await this.#learnLayers();
  }

  #lose(): void {
    this.#alive = false;
    clearTimeout(this.#timer);
    this.#first.reject(new SignallingError('no path to the server', 0));
  }

  #look(everyMs: number): void {
    this.#timer = setTimeout(async () => {
      const before = this.#stats;
      const now = await this.#peer
        .getStats()
        .then((report) => receiveStats(recordsOf(report)))
        .catch(() => before);
      if (!this.#alive) return;
      this.#stats = now;
      const at = this.#options.now();
      const progressed = hasProgressed(before, now);
      const passed = Math.min(at - this.#lookedAt, MAX_COUNTED_MS);
      this.#stillMs = progressed ? 0 : this.#stillMs + passed;
      this.#idleMs = progressed || hasOnlyReports(before, now) ? 0 : this.#idleMs + passed;
      this.#silentMs = wasSilent(before, now) ? this.#silentMs + passed : 0;
      this.#lookedAt = at;
      if (this.#layersAt > 0 && at - this.#layersAt >= LAYERS_MS) void this.#learnLayers();
      // Sound alone begins with its second packets: a picture may still be on its way with the first.
      if (progressed && (now.frames !== undefined || before.bytes > 0)) {
        this.#first.resolve();
        this.#look(LOOK_MS);
      } else {
        this.#look(everyMs);
      }
    }, everyMs);
  }
}
