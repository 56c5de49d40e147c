/** HTTPS: accepts TLS connections and hands them to the HTTP server, which serves them like its own, in HTTP/2 or HTTP/1.1. */
import type { Socket } from 'node:net';
import type { Log } from '../../lib/log.ts';
import { listenError } from '../../lib/start-error.ts';
import { TcpListener } from '../tcp/listener.ts';
import type { HttpServer } from './server.ts';

export interface SecureListenerDeps {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** PEM; the first to show. */
  readonly certificate: { readonly cert: string; readonly key: string };
  readonly http: Pick<HttpServer, 'adopt'>;
  readonly log: Log;
}

/** Each takes some 100 kB with its buffers: about 2 GB. */
const MAX_CONNECTIONS = 20_000;

/** A school behind one address. */
const MAX_CONNECTIONS_PER_ADDRESS = 2_000;

/** A handshake takes two round trips, even on a bad line. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

export class SecureListener {
  readonly counters = { turnedAway: 0 };
  readonly #deps: SecureListenerDeps;
  readonly #listener: TcpListener;

  constructor(deps: SecureListenerDeps) {
    this.#deps = deps;
    const { host, port, certificate, http, log } = deps;
    this.#listener = new TcpListener(
      {
        host,
        port,
        tls: { ...certificate, ALPNProtocols: ['h2', 'http/1.1'] },
        maxConnections: MAX_CONNECTIONS,
        maxConnectionsPerAddress: MAX_CONNECTIONS_PER_ADDRESS,
        tlsHandshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
      },
      {
        mayConnect: () => true,
        connected: (socket) => http.adopt(socket, isHttp2(socket) ? 'h2' : 'http/1.1'),
        refused: (remoteAddress, reason) => {
          this.counters.turnedAway++;
          // Browsers break off handshakes with certificates that they do not know: nothing to warn of.
          log.debug({ remoteAddress, reason }, 'an HTTPS connection was not made');
        },
      },
    );
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
}

function isHttp2(socket: Socket): boolean {
  return 'alpnProtocol' in socket && socket.alpnProtocol === 'h2';
}
