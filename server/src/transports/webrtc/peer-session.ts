/**
 * One WebRTC peer: ICE, DTLS and SRTP, with RTP and RTCP packets going in and out as they are. What they carry was agreed
 * in SDP that the library never sees: it is told of one media line, through which it passes every packet, whatever its SSRC.
 */
import datachannel, { type PeerConnection, type Track } from 'node-datachannel';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';

/** From the answer to the first encrypted packet. */
const CONNECT_TIMEOUT_MS = 15_000;

/** What the rate of a peer is measured over. */
const FLOOD_WINDOW_MS = 1_000;

/** IPv6's least, with room for what tunnels add. */
const MTU = 1_280;

const PAYLOAD_TYPE = 96;
const MID = '0';

/** The peer's side of the transport, from its SDP. */
export interface RemoteEnd {
  readonly iceUfrag: string;
  readonly icePwd: string;
  /** `sha-256 AB:CD:…` */
  readonly fingerprint: string;
  readonly setup: 'actpass' | 'active' | 'passive';
}

/** This side, for the answer. */
export interface LocalEnd {
  readonly iceUfrag: string;
  readonly icePwd: string;
  readonly fingerprint: string;
  readonly setup: 'active' | 'passive';
  /** Values of `a=candidate`, all there are. */
  readonly candidates: readonly string[];
}

/** What a call throws ends the session: it is a fault of ours. A packet is the receiver's to keep. */
export interface PeerListener {
  /** Packets can be sent from now on. */
  connected(): void;
  rtp(packet: Buffer): void;
  rtcp(packet: Buffer): void;
}

/** `closed`: by us. `lost`: the peer said goodbye, stopped consenting (RFC 7675) or broke DTLS. `fault`: whoever listens failed. */
export type PeerCloseReason = 'closed' | 'lost' | 'never_connected' | 'flood' | 'fault';

export interface PeerSessionDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly listener: PeerListener;
  readonly maxBytesPerSecond: number;
  readonly counters: { connected: number; packetsReceived: number; bytesReceived: number; packetsSent: number; bytesSent: number; unsent: number };
  readonly port: number;
  readonly bindAddress: string | undefined;
  readonly candidates: readonly string[];
}

export class PeerSession {
  readonly local: LocalEnd;
  readonly closed: Promise<PeerCloseReason>;
  readonly #deps: PeerSessionDeps;
  readonly #connection: PeerConnection;
  readonly #track: Track;
  readonly #deadline: Timer;
  #isOpen = false;
  #isClosed = false;
  #windowBytes = 0;
  #windowAtMs = 0;
  #resolveClosed: (reason: PeerCloseReason) => void = () => {};

  constructor(remote: RemoteEnd, deps: PeerSessionDeps) {
    this.#deps = deps;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    const { port, bindAddress } = deps;
    this.#connection = new datachannel.PeerConnection('', {
      iceServers: [],
      enableIceUdpMux: true,
      portRangeBegin: port,
      portRangeEnd: port,
      ...(bindAddress !== undefined && { bindAddress }),
      disableAutoNegotiation: true,
      forceMediaTransport: true,
      mtu: MTU,
    });
    try {
      const media = new datachannel.Video(MID, 'SendRecv');
      media.addVP8Codec(PAYLOAD_TYPE);
      this.#track = this.#connection.addTrack(media);
      this.#listen();
      // The peer's candidates stay unknown: this end sends nothing to an address that has not sent a check of its own.
      this.#connection.setRemoteDescription(remoteDescription(remote), 'offer');
      this.#connection.setLocalDescription('answer');
      this.local = readLocalEnd(this.#connection.localDescription()?.sdp ?? '', deps.candidates);
    } catch (error) {
      this.#connection.close();
      throw error;
    }
    this.#deadline = deps.clock.after(CONNECT_TIMEOUT_MS, () => this.#end('never_connected'));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Where its packets come from, undefined until it is connected. */
  get remoteAddress(): string | undefined {
    return this.#isOpen ? this.#connection.getSelectedCandidatePair()?.remote.address : undefined;
  }

  /** Copies the packet (RTP or RTCP) before it returns, so that the caller may write its header anew for the next peer. False: not sent. */
  send(packet: Buffer): boolean {
    const { counters } = this.#deps;
    if (this.#isOpen) {
      try {
        if (this.#track.sendMessageBinary(packet)) {
          counters.packetsSent++;
          counters.bytesSent += packet.length;
          return true;
        }
      } catch {
        // The connection fails at this moment: its state says so next.
      }
    }
    counters.unsent++;
    return false;
  }

  close(): void {
    this.#end('closed');
  }

  #listen(): void {
    const { listener, counters } = this.#deps;
    this.#track.onOpen(() => {
      if (this.#isClosed) return;
      this.#deadline.cancel();
      this.#isOpen = true;
      counters.connected++;
      this.#tell(() => listener.connected());
    });
    this.#track.onMessage((packet) => {
      if (this.#isClosed) return;
      counters.packetsReceived++;
      counters.bytesReceived += packet.length;
      if (!this.#isWithinRate(packet.length)) return;
      // RFC 5761 §4: these payload types are RTCP's.
      const type = packet[1] ?? 0;
      const isRtcp = type >= 192 && type <= 223;
      this.#tell(() => (isRtcp ? listener.rtcp(packet) : listener.rtp(packet)));
    });
    this.#connection.onStateChange((state) => {
      if (state === 'closed' || state === 'failed' || state === 'disconnected') this.#end(this.#isOpen ? 'lost' : 'never_connected');
    });
  }

  /** These calls come from the library, where nobody would catch what they throw. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#deps.log.error({ err: error }, 'a WebRTC session broke');
      this.#end('fault');
    }
  }

  #isWithinRate(bytes: number): boolean {
    const now = this.#deps.clock.monotonic();
    const elapsedMs = now - this.#windowAtMs;
    if (elapsedMs >= FLOOD_WINDOW_MS) {
      this.#windowAtMs = now;
      this.#windowBytes = 0;
    }
    this.#windowBytes += bytes;
    if (this.#windowBytes <= this.#deps.maxBytesPerSecond) return true;
    this.#end('flood');
    return false;
  }

  #end(reason: PeerCloseReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isOpen = false;
    this.#deadline.cancel();
    this.#deps.log.debug({ reason }, 'WebRTC session over');
    this.#track.close();
    this.#connection.close();
    this.#resolveClosed(reason);
  }
}

function remoteDescription({ iceUfrag, icePwd, fingerprint, setup }: RemoteEnd): string {
  return [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${MID}`,
    `m=video 9 UDP/TLS/RTP/SAVPF ${PAYLOAD_TYPE}`,
    'c=IN IP4 0.0.0.0',
    `a=mid:${MID}`,
    'a=sendrecv',
    'a=rtcp-mux',
    `a=rtpmap:${PAYLOAD_TYPE} VP8/90000`,
    `a=ice-ufrag:${iceUfrag}`,
    `a=ice-pwd:${icePwd}`,
    `a=fingerprint:${fingerprint}`,
    `a=setup:${setup}`,
    '',
  ].join('\r\n');
}

function readLocalEnd(sdp: string, candidates: readonly string[]): LocalEnd {
  const value = (name: string): string => {
    const found = new RegExp(`^a=${name}:(.+?)\\r?$`, 'm').exec(sdp)?.[1];
    if (found === undefined) throw new Error(`the WebRTC library gave no ${name}`);
    return found;
  };
  const setup = value('setup');
  return { iceUfrag: value('ice-ufrag'), icePwd: value('ice-pwd'), fingerprint: value('fingerprint'), setup: setup === 'passive' ? 'passive' : 'active', candidates };
}
