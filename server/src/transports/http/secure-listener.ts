/**
 * HTTPS: accepts TLS connections and hands them to the HTTP server, which serves them like its own, in HTTP/2 or HTTP/1.1. TURN comes in by the same door: a network
 * that lets nothing else through lets this through.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { listenError } from '../../lib/start-error.ts';
import { TcpListener } from '../tcp/listener.ts';
import { peekFirstByte } from './first-byte.ts';
import type { HttpServer } from './server.ts';

export interface SecureListenerDeps {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** PEM; the first to show. */
  readonly certificate: { readonly cert: string; readonly key: string };
  readonly http: Pick<HttpServer, 'adopt'>;
  /** Takes the connections that speak TURN; undefined while the relay is off. */
  readonly turn: { accept(socket: Socket): void } | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Each takes some 100 kB with its buffers: about 2 GB. */
const MAX_CONNECTIONS = 20_000;

/** A school behind one address. */
const MAX_CONNECTIONS_PER_ADDRESS = 2_000;

/** A handshake takes two round trips, even on a bad line. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** RFC 7443: TURN by name. */
const TURN_ALPN = 'stun.turn';

/** STUN messages begin with two zero bits and a method below 0x100 (RFC 8489 §5); requests of HTTP with a letter or, of the sloppy, a line break. */
const LAST_FIRST_BYTE_OF_STUN = 0x01;

export class SecureListener {
  readonly counters = { turnedAway: 0 };
  readonly #deps: SecureListenerDeps;
  readonly #listener: TcpListener;

  constructor(deps: SecureListenerDeps) {
    this.#deps = deps;
    const { host, port, certificate, log, turn } = deps;
    this.#listener = new TcpListener(
      {
        host,
        port,
        tls: { ...certificate, ALPNProtocols: ['h2', 'http/1.1', ...(turn ? [TURN_ALPN] : [])] },
        maxConnections: MAX_CONNECTIONS,
        maxConnectionsPerAddress: MAX_CONNECTIONS_PER_ADDRESS,
        tlsHandshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
      },
      {
        mayConnect: () => true,
        connected: (socket) => this.#connected(socket),
        refused: (remoteAddress, reason) => {
          this.counters.turnedAway++;
          // Browsers break off handshakes with certificates that they do not know: nothing to warn of.
          log.debug({ remoteAddress, reason }, 'an HTTPS connection was not made');
        },
      },
    );
  }

  /** Open now, whoever serves them. */
  get connections(): number {
    return this.#listener.connections;
  }

  /** Rejects with a sentence when the port cannot be had. */
  async start(): Promise<{ readonly port: number }> {
    try {
      return await this.#listener.start();
    } catch (error) {
      throw listenError(error, { name: 'HTTPS', port: this.#deps.port, key: 'HTTPS_PORT' });
    }
  }

  /** Shown to whoever connects from now on. */
  setCertificate(certificate: { readonly cert: string; readonly key: string }): void {
    this.#listener.setCertificate(certificate);
  }

  /** Takes no more connections. Who is connected is the HTTP server's to let go. */
  stop(): void {
    this.#listener.stop();
  }

  /** Cuts whoever is left. */
  close(): Promise<void> {
    return this.#listener.close();
  }

  #connected(socket: Socket): void {
    const { http, turn, clock } = this.#deps;
    const alpn = alpnOf(socket);
    if (alpn === 'h2') http.adopt(socket, 'h2');
    else if (alpn !== undefined && alpn !== TURN_ALPN) http.adopt(socket, 'http/1.1');
    else if (!turn) http.adopt(socket, 'http/1.1');
    else if (alpn === TURN_ALPN) turn.accept(socket);
    // Browsers name no protocol for TURN, nor do simple clients for HTTP.
    else peekFirstByte(socket, clock, (byte) => (byte <= LAST_FIRST_BYTE_OF_STUN ? turn.accept(socket) : http.adopt(socket, 'http/1.1')));
  }
}

/** What the handshake agreed on; undefined when the client named nothing. */
function alpnOf(socket: Socket): string | undefined {
  return 'alpnProtocol' in socket && typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined;
}
