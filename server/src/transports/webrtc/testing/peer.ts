/** For tests: a WebRTC client in this process, and the SDP that it offers. */
import datachannel, { type PeerConnection, type Track } from 'node-datachannel';

export interface TestPeerOptions {
  /** `sendonly` publishes, `recvonly` watches. */
  readonly direction: 'sendonly' | 'recvonly';
  /** Payload types: H.264 96, Opus 111. */
  readonly video?: boolean;
  readonly audio?: boolean;
}

export class TestPeer implements Disposable {
  readonly connection: PeerConnection;
  readonly received: Buffer[] = [];
  readonly #tracks: Track[] = [];
  readonly #states: string[] = [];
  #opened: () => void = () => {};
  readonly open: Promise<void>;
  readonly #waiting = new Set<() => void>();

  constructor({ direction, video = true, audio = true }: TestPeerOptions) {
    this.open = new Promise((resolve) => {
      this.#opened = resolve;
    });
    this.connection = new datachannel.PeerConnection('test', { iceServers: [], disableAutoNegotiation: true, forceMediaTransport: true });
    const towards = direction === 'sendonly' ? 'SendOnly' : 'RecvOnly';
    if (video) {
      const media = new datachannel.Video('v', towards);
      media.addH264Codec(96, 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1');
      if (direction === 'sendonly') media.addSSRC(1001, 'cname', 'stream', 'video');
      this.#add(this.connection.addTrack(media));
    }
    if (audio) {
      const media = new datachannel.Audio('a', towards);
      media.addOpusCodec(111);
      if (direction === 'sendonly') media.addSSRC(1002, 'cname', 'stream', 'audio');
      this.#add(this.connection.addTrack(media));
    }
    this.connection.onStateChange((state) => {
      this.#states.push(state);
      this.#wake();
    });
    this.connection.setLocalDescription('offer');
  }

  get offer(): string {
    return this.connection.localDescription()?.sdp ?? '';
  }

  answer(sdp: string): void {
    this.connection.setRemoteDescription(sdp, 'answer');
  }

  /** Sends RTP or RTCP on the first track. */
  send(packet: Uint8Array): void {
    this.#tracks[0]?.sendMessageBinary(Buffer.from(packet));
  }

  /** Resolves once what was received and said is enough. */
  async until(check: (peer: TestPeer) => boolean): Promise<void> {
    while (!check(this)) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  get states(): readonly string[] {
    return this.#states;
  }

  [Symbol.dispose](): void {
    this.connection.close();
  }

  #add(track: Track): void {
    this.#tracks.push(track);
    track.onOpen(() => this.#opened());
    track.onMessage((packet) => {
      this.received.push(packet);
      this.#wake();
    });
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
