/** WebRTC under the edges: every session on one UDP port, with ICE, DTLS and SRTP by libdatachannel, which nobody else sees. */
import { createSocket } from 'node:dgram';
import datachannel from 'node-datachannel';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { listenError } from '../../lib/start-error.ts';
import { hostCandidates } from './candidates.ts';
import type { IceRestarts } from './ice-restarts.ts';
import { type PeerCloseReason, type PeerListener, PeerSession, type RemoteEnd } from './peer-session.ts';
import { withTieBreaker } from './relayed-check.ts';

/** Each costs a DTLS context and some hundred kilobytes: more than a process can feed with media. */
const MAX_SESSIONS = 2_000;

/** A house full of viewers behind one router. */
const MAX_SESSIONS_PER_ADDRESS = 100;

export interface WebRtcTransportDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly config: {
    readonly host: string;
    /** UDP. 0: any free port. */
    readonly port: number;
    /** What this server is called from outside, when its interfaces do not tell: behind NAT, in a container. */
    readonly addresses: readonly string[];
    readonly maxSessions?: number;
    readonly maxSessionsPerAddress?: number;
  };
  /** None: they are refused. */
  readonly restarts?: IceRestarts;
}

export interface WebRtcCounters {
  opened: number;
  connected: number;
  /** Sessions that never finished ICE and DTLS. */
  neverConnected: number;
  /** Sessions whose peer vanished or stopped consenting. */
  lost: number;
  /** Sessions over the limits. */
  turnedAway: number;
  /** ICE checks that belong to no session, or are not signed by its peer. */
  strangers: number;
  /** Sessions whose peer found a new path to them. */
  iceRestarts: number;
  /** Sessions closed for sending more than a publisher can. */
  floods: number;
  packetsReceived: number;
  bytesReceived: number;
  packetsSent: number;
  bytesSent: number;
  /** Packets that the transport would not take. */
  unsent: number;
}

export interface OpenOptions {
  /** Who asked by HTTP, for the limits. */
  readonly remoteAddress: string;
  /** More than this in a second and the session is a flood. */
  readonly maxBytesPerSecond: number;
  readonly listener: PeerListener;
}

export class WebRtcTransport implements AsyncDisposable {
  readonly #deps: WebRtcTransportDeps;
  readonly #sessions = new Set<PeerSession>();
  readonly #passwords = new Map<string, string>();
  readonly #perAddress = new Map<string, number>();
  readonly #counters: WebRtcCounters = {
    opened: 0,
    connected: 0,
    neverConnected: 0,
    lost: 0,
    turnedAway: 0,
    strangers: 0,
    iceRestarts: 0,
    floods: 0,
    packetsReceived: 0,
    bytesReceived: 0,
    packetsSent: 0,
    bytesSent: 0,
    unsent: 0,
  };
  /** Holds the port between sessions, and hears of those who belong to none. */
  #mux: InstanceType<typeof datachannel.IceUdpMuxListener> | undefined;
  #port = 0;
  #isStopped = false;
  #closed = false;

  constructor(deps: WebRtcTransportDeps) {
    this.#deps = deps;
  }

  get counters(): Readonly<WebRtcCounters> & { readonly sessions: number } {
    const { restarts, strangers } = this.#deps.restarts?.counters ?? { restarts: 0, strangers: 0 };
    return { ...this.#counters, strangers: this.#counters.strangers + strangers, iceRestarts: restarts, sessions: this.#sessions.size };
  }

  /** True when one more session would be too many, for everybody or for this address. */
  isFull(remoteAddress: string): boolean {
    const { maxSessions = MAX_SESSIONS, maxSessionsPerAddress = MAX_SESSIONS_PER_ADDRESS } = this.#deps.config;
    const full = this.#isStopped || this.#sessions.size >= maxSessions || (this.#perAddress.get(remoteAddress) ?? 0) >= maxSessionsPerAddress;
    if (full) this.#counters.turnedAway++;
    return full;
  }

  /** Rejects with a sentence when the port cannot be had. */
  async start(): Promise<{ readonly port: number }> {
    const { host, port } = this.#deps.config;
    try {
      this.#port = await probePort(host, port);
      this.#mux = new datachannel.IceUdpMuxListener(this.#port, bindAddressOf(host));
    } catch (error) {
      throw listenError(error, { name: 'WebRTC', port, key: 'WEBRTC_PORT' });
    }
    this.#mux.onUnhandledStunRequest(() => {
      this.#counters.strangers++;
    });
    return { port: this.#port };
  }

  /** A session with a peer whose end is known from its offer. What to answer is its `local`. Throws when the library refuses. */
  open(remote: RemoteEnd, { remoteAddress, maxBytesPerSecond, listener }: OpenOptions): PeerSession {
    const { config, clock, log, restarts } = this.#deps;
    const session = new PeerSession(remote, {
      clock,
      log,
      listener,
      maxBytesPerSecond,
      counters: this.#counters,
      restarts,
      port: this.#port,
      bindAddress: bindAddressOf(config.host),
      candidates: hostCandidates({ host: config.host, addresses: config.addresses, port: this.#port }),
    });
    this.#counters.opened++;
    this.#sessions.add(session);
    this.#passwords.set(session.local.iceUfrag, session.local.icePwd);
    this.#perAddress.set(remoteAddress, (this.#perAddress.get(remoteAddress) ?? 0) + 1);
    void session.closed.then((reason) => this.#over(session, remoteAddress, reason));
    return session;
  }

  /** A packet that a relay of ours brings to this port, as the library wants it. */
  fromRelay(packet: Uint8Array): Uint8Array {
    return withTieBreaker(packet, (ufrag) => this.#passwords.get(ufrag));
  }

  /** Takes no more sessions; who is connected stays. */
  stop(): void {
    this.#isStopped = true;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.stop();
    const sessions = [...this.#sessions];
    for (const session of sessions) session.close();
    await Promise.all(sessions.map((session) => session.closed));
    this.#mux?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #over(session: PeerSession, remoteAddress: string, reason: PeerCloseReason): void {
    if (!this.#sessions.delete(session)) return;
    this.#passwords.delete(session.local.iceUfrag);
    const others = (this.#perAddress.get(remoteAddress) ?? 1) - 1;
    if (others > 0) this.#perAddress.set(remoteAddress, others);
    else this.#perAddress.delete(remoteAddress);
    if (reason === 'never_connected') this.#counters.neverConnected++;
    if (reason === 'lost') this.#counters.lost++;
    if (reason === 'flood') this.#counters.floods++;
  }
}

/** Undefined: every address of both families, which is more than 0.0.0.0 gives and what a server on all interfaces means. */
function bindAddressOf(host: string): string | undefined {
  return host === '0.0.0.0' || host === '::' ? undefined : host;
}

/** The library says neither why a port cannot be had nor which one it took, so it is tried out first. */
function probePort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', reject);
    socket.bind({ port, address: host, exclusive: true }, () => {
      const bound = socket.address().port;
      socket.close(() => resolve(bound));
    });
  });
}
