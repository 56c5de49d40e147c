/** The RTMP or RTMPS door: accepts connections and gives each a session. */
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { listenError } from '../../lib/start-error.ts';
import type { Hub } from '../../stream/hub.ts';
import type { EvictionReason } from '../../stream/live-stream.ts';
import type { PublishGate } from '../../stream/publish-gate.ts';
import { TcpListener } from '../../transports/tcp/listener.ts';
import { ReadPacer } from '../../transports/tcp/read-pacer.ts';
import { CHECK_MS, NEGOTIATION_TIMEOUT_MS, type RtmpCounters, RtmpSession, type RtmpSessionDeps } from './session.ts';

/** More than a process can package. */
const MAX_CONNECTIONS = 2_000;

/** A house full of cameras behind one router, a relay server. */
const MAX_CONNECTIONS_PER_ADDRESS = 200;

export interface RtmpServerDeps extends Pick<RtmpSessionDeps, 'isSeen'> {
  readonly hub: Pick<Hub, 'isOccupied' | 'publish'>;
  readonly gate: PublishGate;
  readonly clock: Clock;
  readonly log: Log;
  readonly config: {
    readonly host: string;
    /** 0: any free port. */
    readonly port: number;
    /** Makes it RTMPS. PEM. */
    readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  };
}

export class RtmpServer implements AsyncDisposable {
  readonly closed: Promise<EvictionReason>;
  readonly #deps: RtmpServerDeps;
  readonly #listener: TcpListener;
  readonly #sessions = new Set<RtmpSession>();
  readonly #counters = { connections: 0, turnedAway: 0, publishesStarted: 0, refused: 0, occupied: 0, protocolErrors: 0, unsupportedTracks: 0, lost: 0, bytesReceived: 0 };
  /** One for all sessions: each that has its own wakes the process for itself. */
  #checks: Timer | undefined;
  #closing: Promise<void> | undefined;
  #resolveClosed: (reason: EvictionReason) => void = () => {};

  constructor(deps: RtmpServerDeps) {
    this.#deps = deps;
    const { gate, clock, log, hub, config, isSeen } = deps;
    const protocol = config.tls ? 'rtmps' : 'rtmp';
    const counters: RtmpCounters = this.#counters;
    const pacer = new ReadPacer();
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#listener = new TcpListener(
      { ...config, maxConnections: MAX_CONNECTIONS, maxConnectionsPerAddress: MAX_CONNECTIONS_PER_ADDRESS, tlsHandshakeTimeoutMs: NEGOTIATION_TIMEOUT_MS },
      {
        mayConnect: (remoteAddress) => gate.mayConnect(remoteAddress),
        connected: (socket, remoteAddress) => {
          this.#counters.connections++;
          const session = new RtmpSession(socket, remoteAddress, { hub, gate, clock, log, counters, protocol, pacer, isSeen });
          this.#sessions.add(session);
          session.closed.catch((error: unknown) => log.error({ err: error }, 'RTMP session broke')).finally(() => this.#sessions.delete(session));
        },
        refused: (remoteAddress, reason) => {
          this.#counters.turnedAway++;
          log.warn({ remoteAddress, protocol, reason }, 'connection turned away');
        },
      },
    );
  }

  /** Totals since the start, but for `sessions` and `publishers`, which are those of now. */
  get counters(): Readonly<RtmpCounters> & { readonly connections: number; readonly turnedAway: number; readonly sessions: number; readonly publishers: number } {
    let publishers = 0;
    for (const session of this.#sessions) if (session.isPublishing) publishers++;
    return { ...this.#counters, sessions: this.#sessions.size, publishers };
  }

  /** Rejects with a sentence when the port cannot be had. */
  async start(): Promise<{ readonly port: number }> {
    const { port, tls } = this.#deps.config;
    this.#checks ??= this.#deps.clock.every(CHECK_MS, () => {
      for (const session of this.#sessions) session.check();
    });
    try {
      return await this.#listener.start();
    } catch (error) {
      throw listenError(error, tls ? { name: 'RTMPS', port, key: 'RTMPS_PORT' } : { name: 'RTMP', port, key: 'RTMP_PORT' });
    }
  }

  /** Shown to whoever connects from now on. Only for RTMPS. */
  setCertificate(certificate: { readonly cert: string | Buffer; readonly key: string | Buffer }): void {
    this.#listener.setCertificate(certificate);
  }

  /** Tells every publisher to go, and waits until they are gone. */
  close(reason: EvictionReason = 'server_stopped'): Promise<void> {
    this.#closing ??= this.#shutDown(reason);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #shutDown(reason: EvictionReason): Promise<void> {
    // Who is asked to connect anew does so at once, and is not to find this server again.
    this.#listener.stop();
    const sessions = [...this.#sessions];
    for (const session of sessions) session.close(reason);
    await Promise.allSettled(sessions.map((session) => session.closed));
    await this.#listener.close();
    this.#checks?.cancel();
    this.#resolveClosed(reason);
    this.#deps.log.info({ reason }, 'RTMP closed');
  }
}
