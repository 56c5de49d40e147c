/**
 * One viewer for measuring: takes a stream by WebRTC, decrypts it, answers sender reports. Shows nothing. Counting what comes
 * costs more than all of that, so that of many viewers only some count.
 */
import datachannel, { type PeerConnection, type Track } from 'node-datachannel';
import { type ArrivalCounts, Arrivals } from './arrivals.ts';

/** Baseline and Main, as browsers offer them. */
const PROFILES = [
  [96, 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1'],
  [97, 'profile-level-id=4d001f;packetization-mode=1;level-asymmetry-allowed=1'],
  [98, 'profile-level-id=64001f;packetization-mode=1;level-asymmetry-allowed=1'],
] as const;

const OPUS = 111;

const CONNECT_TIMEOUT_MS = 30_000;

export class RtcViewer {
  readonly #connection: PeerConnection;
  readonly #tracks: Track[] = [];
  readonly #sources = new Map<number, Arrivals>();
  readonly #connected = Promise.withResolvers<void>();
  readonly #isCounting: boolean;
  #isOpen = false;

  private constructor({ counts, bindAddress }: { readonly counts: boolean; readonly bindAddress?: string }) {
    this.#isCounting = counts;
    this.#connection = new datachannel.PeerConnection('viewer', {
      iceServers: [],
      disableAutoNegotiation: true,
      forceMediaTransport: true,
      ...(bindAddress !== undefined && { bindAddress }),
    });
    this.#connected.promise.catch(() => undefined);
    this.#connection.onStateChange((state) => {
      this.#isOpen = state === 'connected';
      if (state === 'connected') this.#connected.resolve();
      else if (state === 'failed' || state === 'closed') this.#connected.reject(new Error(`a viewer's connection ${state}`));
    });
  }

  /** For WHEP, where the viewer offers. */
  static offering(counts: boolean): { readonly viewer: RtcViewer; readonly offer: string } {
    const viewer = new RtcViewer({ counts, bindAddress: '127.0.0.1' });
    const video = new datachannel.Video('v', 'RecvOnly');
    for (const [payloadType, profile] of PROFILES) video.addH264Codec(payloadType, profile);
    const audio = new datachannel.Audio('a', 'RecvOnly');
    audio.addOpusCodec(OPUS);
    viewer.#take(viewer.#connection.addTrack(video));
    viewer.#take(viewer.#connection.addTrack(audio));
    viewer.#connection.setLocalDescription('offer');
    return { viewer, offer: viewer.#connection.localDescription()?.sdp ?? '' };
  }

  answered(sdp: string): void {
    this.#connection.setRemoteDescription(sdp, 'answer');
  }

  /** For servers that offer. Resolves with the answer, candidates included. */
  static async answering(offer: string, counts: boolean): Promise<{ readonly viewer: RtcViewer; readonly answer: string }> {
    const viewer = new RtcViewer({ counts });
    const connection = viewer.#connection;
    connection.onTrack((track) => viewer.#take(track));
    const gathered = new Promise<void>((resolve) => connection.onGatheringStateChange((state) => state === 'complete' && resolve()));
    connection.setRemoteDescription(offer, 'offer');
    connection.setLocalDescription('answer');
    await gathered;
    return { viewer, answer: connection.localDescription()?.sdp ?? '' };
  }

  /** Resolves once media can come. */
  async connected(): Promise<void> {
    const timer = setTimeout(() => this.#connected.reject(new Error(`a viewer was not connected within ${CONNECT_TIMEOUT_MS} ms`)), CONNECT_TIMEOUT_MS);
    await this.#connected.promise.finally(() => clearTimeout(timer));
  }

  /** False before it is connected, and again once its server is gone. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get counts(): ArrivalCounts {
    let [received, sent, bytes] = [0, 0, 0];
    for (const { counts } of this.#sources.values()) {
      received += counts.received;
      sent += counts.sent;
      bytes += counts.bytes;
    }
    return { received, sent, bytes };
  }

  /** Goes without a word to the resource it came from. */
  close(): void {
    for (const track of this.#tracks) track.close();
    this.#connection.close();
  }

  #take(track: Track): void {
    // Held here: the library forgets tracks that nobody holds.
    this.#tracks.push(track);
    track.setMediaHandler(new datachannel.RtcpReceivingSession());
    if (this.#isCounting) track.onMessage((packet) => this.#count(packet));
  }

  #count(packet: Buffer): void {
    const type = packet[1] ?? 0;
    // RFC 5761 §4: these are RTCP's.
    if (packet.length < 12 || (type >= 192 && type <= 223)) return;
    const ssrc = packet.readUInt32BE(8);
    let source = this.#sources.get(ssrc);
    if (!source) {
      source = new Arrivals();
      this.#sources.set(ssrc, source);
    }
    source.packet(packet.readUInt16BE(2), packet.length);
  }
}
