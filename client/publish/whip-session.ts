/** One WHIP session: a peer connection that sends, from the offer to its loss. The Publisher opens one after the other. */
import { orderCodecs, VIDEO_CODECS } from '../webrtc/codec-order.ts';
import { deferred } from '../webrtc/deferred.ts';
import { negotiate } from '../webrtc/negotiate.ts';
import { type Signalling, SignallingError } from '../webrtc/signalling.ts';
import { numberIn, recordsOf, type StatsRecord, selectedPair } from '../webrtc/stats-record.ts';
import { LAYERS, layerLimits, type PublishLimits, scaleDownBy } from './limits.ts';
import type { PublishSession } from './publish-session.ts';
import { type PublishStats, publishStats } from './publish-stats.ts';

/** The path to the server has this long to come about. */
const CONNECT_MS = 8000;

/** How often it is looked whether the server is heard. */
const LOOK_MS = 200;

/** A look that came late, because the page slept, says nothing of the time between. */
const MAX_COUNTED_MS = 400;

export interface WhipSessionOptions {
  readonly url: string;
  readonly token: string;
  readonly stream: MediaStream;
  readonly limits: PublishLimits;
  /** Preferred video codecs, first choice first. */
  readonly codecs?: readonly string[] | undefined;
  /** Sends the picture at half its size, too. */
  readonly simulcast?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly fetch: typeof fetch;
  readonly RTCPeerConnection: typeof RTCPeerConnection;
}

export class WhipSession implements PublishSession<MediaStream> {
  readonly lost: Promise<void>;
  readonly #peer: RTCPeerConnection;
  readonly #lose: () => void;
  #limits: PublishLimits;
  #signalling: Signalling | undefined;
  #look: ReturnType<typeof setTimeout> | undefined;
  #silentMs = 0;
  #records: readonly StatsRecord[] = [];

  private constructor({ stream, limits, codecs = VIDEO_CODECS, simulcast = false, RTCPeerConnection }: WhipSessionOptions) {
    const { promise, resolve } = deferred();
    this.lost = promise;
    this.#lose = resolve;
    this.#limits = limits;
    this.#peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    for (const track of stream.getTracks()) {
      const layers = simulcast && track.kind === 'video' ? { sendEncodings: LAYERS.map((rid, i) => ({ rid, scaleResolutionDownBy: 2 ** (LAYERS.length - 1 - i) })) } : {};
      const transceiver = this.#peer.addTransceiver(track, { direction: 'sendonly', streams: [stream], ...layers });
      const capabilities = track.kind === 'video' ? RTCRtpSender.getCapabilities('video') : null;
      if (capabilities && 'setCodecPreferences' in transceiver) transceiver.setCodecPreferences(orderCodecs(capabilities.codecs, codecs));
    }
  }

  /** Resolves once media can flow. Throws SignallingError. */
  static async open(options: WhipSessionOptions): Promise<WhipSession> {
    const session = new WhipSession(options);
    try {
      await session.#connect(options);
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** False when there is no place for such a track: the session has to be opened anew. */
  async replace(stream: MediaStream): Promise<boolean> {
    const senders = new Map(this.#peer.getTransceivers().map(({ sender, receiver }) => [receiver.track.kind, sender]));
    if (stream.getTracks().some(({ kind }) => !senders.has(kind))) return false;
    await Promise.all(stream.getTracks().map((track) => senders.get(track.kind)?.replaceTrack(track)));
    await this.#applyLimits();
    return true;
  }

  async limit(limits: PublishLimits): Promise<void> {
    this.#limits = limits;
    await this.#applyLimits();
  }

  async stats(): Promise<PublishStats | undefined> {
    const before = this.#records;
    const records = recordsOf(await this.#peer.getStats());
    this.#records = records;
    return before.length === 0 ? undefined : publishStats(before, records);
  }

  get silentMs(): number {
    return this.#silentMs;
  }

  close(): void {
    this.#signalling?.end();
    this.abandon();
  }

  abandon(): void {
    this.#peer.close();
    this.#gone();
  }

  async #connect({ url, token, fetch, signal }: WhipSessionOptions): Promise<void> {
    const peer = this.#peer;
    const { promise: connected, resolve, reject } = deferred();
    const late = setTimeout(() => reject(new SignallingError('no path to the server in time', 0)), CONNECT_MS);
    const abort = () => reject(new SignallingError('given up', 0));
    signal.addEventListener('abort', abort, { once: true });
    peer.addEventListener('connectionstatechange', () => {
      if (peer.connectionState === 'connected') resolve();
      if (peer.connectionState === 'failed') reject(new SignallingError('no path to the server', 0));
    });
    // A failed offer is told by negotiate; this promise then has nobody to tell.
    connected.catch(() => undefined);
    try {
      this.#signalling = await negotiate(peer, { url, token, fetch }, signal);
      await this.#applyLimits();
      await connected;
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', abort);
    }
    peer.addEventListener('connectionstatechange', () => {
      if (peer.connectionState === 'failed' || peer.connectionState === 'closed') this.#gone();
    });
    this.#watch(undefined, performance.now());
  }

  #gone(): void {
    clearTimeout(this.#look);
    this.#lose();
  }

  /** Counts for how long nothing comes of the server, whose reports come several times a second while it gets our packets. */
  #watch(heard: number | undefined, at: number): void {
    this.#look = setTimeout(async () => {
      const bytes = await this.#peer
        .getStats()
        .then((report) => numberIn(selectedPair(recordsOf(report)), 'bytesReceived'))
        .catch(() => undefined);
      if (this.#peer.connectionState === 'closed') return;
      const now = performance.now();
      // Browsers that do not tell are trusted to notice by themselves.
      this.#silentMs = bytes === undefined || bytes !== heard ? 0 : this.#silentMs + Math.min(now - at, MAX_COUNTED_MS);
      this.#watch(bytes, now);
    }, LOOK_MS);
  }

  async #applyLimits(): Promise<void> {
    const { maxBitsPerSecond, maxFramesPerSecond, maxHeight } = this.#limits;
    for (const sender of this.#peer.getSenders()) {
      if (sender.track?.kind !== 'video') continue;
      const parameters = sender.getParameters();
      // Some browsers have none before the answer; the next call finds them.
      const { encodings = [] } = parameters;
      for (const [i, layer] of layerLimits(encodings.length, scaleDownBy(sender.track.getSettings(), maxHeight), maxBitsPerSecond).entries()) {
        const encoding = encodings[i];
        if (!encoding) continue;
        encoding.scaleResolutionDownBy = layer.scaleResolutionDownBy;
        if (layer.maxBitrate !== undefined) encoding.maxBitrate = layer.maxBitrate;
        if (maxFramesPerSecond !== undefined) encoding.maxFramerate = maxFramesPerSecond;
      }
      await sender.setParameters(parameters).catch(() => undefined);
    }
  }
}
