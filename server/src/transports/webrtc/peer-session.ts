/**
 * One WebRTC peer: ICE, DTLS and SRTP, with RTP and RTCP packets going in and out as they are. What they carry was agreed
 * in SDP that the library never sees: it is told of one media line, through which it passes every packet, whatever its SSRC.
 */
import type { IceCredentials } from '@millrace/media/sdp/description';
import datachannel, { type PeerConnection, type Track } from 'node-datachannel';
import { AppError } from '../../lib/app-error.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { IceRestarts } from './ice-restarts.ts';
import type { RestartedSession } from './restarted-session.ts';

/** From the answer to the first encrypted packet. */
const CONNECT_TIMEOUT_MS = 15_000;

/** What the rate of a peer is measured over. */
const FLOOD_WINDOW_MS = 1_000;

/** IPv6's least, with room for what tunnels add. */
const MTU = 1_280;

/** How soon whoever could not restart ICE for want of a socket may try again. */
const RESTART_RETRY_SECONDS = 2;

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

/** This side after a restart of ICE, for the answer to it. */
export interface RestartedEnd {
  readonly ice: IceCredentials;
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
  /** None: they are refused. */
  readonly restarts: IceRestarts | undefined;
}

export class PeerSession {
  readonly local: LocalEnd;
  readonly closed: Promise<PeerCloseReason>;
  readonly #deps: PeerSessionDeps;
  readonly #connection: PeerConnection;
  readonly #track: Track;
  readonly #deadline: Timer;
  readonly #offered: IceCredentials;
  #restarted: Promise<RestartedSession> | undefined;
  #isOpen = false;
  #isClosed = false;
  #windowBytes = 0;
  #windowAtMs = 0;
  #resolveClosed: (reason: PeerCloseReason) => void = () => {};

  constructor(remote: RemoteEnd, deps: PeerSessionDeps) {
    this.#deps = deps;
    this.#offered = { ufrag: remote.iceUfrag, pwd: remote.icePwd };
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

  /** Restarts ICE with new credentials of the peer. Media keeps to the path it has until the new ones have found one. Throws AppError; the session goes on. */
  async restart(remote: IceCredentials): Promise<RestartedEnd> {
    const candidates = this.#deps.restarts?.candidates;
    if (!candidates || this.#isClosed) throw new AppError(candidates ? 'session_not_found' : 'ice_restart_unsupported');
    let restarted: RestartedSession | undefined;
    try {
      restarted = await this.#restartedSession();
    } catch (error) {
      this.#restarted = undefined;
      this.#deps.log.warn({ err: error }, 'no socket for an ICE restart');
      throw new AppError('overloaded', { retryAfterSeconds: RESTART_RETRY_SECONDS }, error);
    }
    if (!restarted || this.#isClosed) throw new AppError('session_not_found');
    return { ice: restarted.renew(remote), candidates };
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

  #restartedSession(): Promise<RestartedSession> | undefined {
    const { restarts, port, bindAddress = '127.0.0.1', log } = this.#deps;
    const library = { ufrag: this.local.iceUfrag, pwd: this.local.icePwd };
    this.#restarted ??= restarts?.open(
      { address: bindAddress, port, library, peer: this.#offered },
      { moved: ({ remoteAddress }) => log.debug({ remoteAddress }, 'ICE restarted'), lost: () => this.#end('lost') },
    );
    return this.#restarted;
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
    this.#restarted?.then(
      (restarted) => restarted.close(),
      () => {},
    );
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
