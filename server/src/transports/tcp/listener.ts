/** Accepts TCP connections, plain or TLS, and keeps one address from taking them all. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';

export interface TcpListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** `ALPNProtocols`: what may be spoken inside, by preference. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer; readonly ALPNProtocols?: string[] };
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly tlsHandshakeTimeoutMs: number;
}

export interface TcpHandler {
  /** Asked before a byte is read; false closes the connection. */
  mayConnect(remoteAddress: string): boolean;
  connected(socket: Socket, remoteAddress: string): void;
  /** Closed at the door: the reason is for the log. */
  refused(remoteAddress: string, reason: string): void;
}

export class TcpListener {
  readonly #options: TcpListenerOptions;
  readonly #handler: TcpHandler;
  readonly #sockets = new Set<Socket>();
  readonly #perAddress = new Map<string, number>();
  #server: Server | TlsServer | undefined;
  /** Resolves when it accepts no more and everybody is gone; undefined before it listens. */
  #closed: Promise<void> | undefined;
  #certificate: { readonly cert: string | Buffer; readonly key: string | Buffer } | undefined;

  constructor(options: TcpListenerOptions, handler: TcpHandler) {
    this.#options = options;
    this.#handler = handler;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Rejects when the port cannot be had. */
  async start(): Promise<{ readonly port: number }> {
    const { host, port, tls, tlsHandshakeTimeoutMs } = this.#options;
    const server = tls ? createTlsServer({ ...tls, ...this.#certificate, handshakeTimeout: tlsHandshakeTimeoutMs, noDelay: true }) : createServer({ noDelay: true });
    this.#server = server;
    // A TLS server also tells of the bare connection, before its handshake.
    server.on('connection', (socket: Socket) => this.#admit(socket));
    if (tls) {
      server.on('secureConnection', (socket: Socket) => this.#handler.connected(socket, addressOf(socket)));
      server.on('tlsClientError', (error: Error, socket: Socket) => this.#handler.refused(addressOf(socket), error.message));
    }
    server.listen({ host, port });
    await once(server, 'listening');
    this.#closed = new Promise((resolve) => {
      server.once('close', () => resolve());
    });
    // Accepting can fail later, when file descriptors run out; the next connection may do better.
    server.on('error', (error) => this.#handler.refused('unknown', error.message));
    const address = server.address();
    return { port: typeof address === 'object' && address ? address.port : port };
  }

  /** Shown to whoever connects from now on. Only for TLS. */
  setCertificate(certificate: { readonly cert: string | Buffer; readonly key: string | Buffer }): void {
    this.#certificate = certificate;
    if (this.#server && 'setSecureContext' in this.#server) this.#server.setSecureContext(certificate);
  }

  /** Stops accepting; who is connected stays. */
  stop(): void {
    if (this.#server?.listening) this.#server.close();
  }

  /** Stops accepting and cuts whoever is still connected. */
  async close(): Promise<void> {
    this.stop();
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    await this.#closed;
  }

  #admit(socket: Socket): void {
    const { maxConnections, maxConnectionsPerAddress, tls } = this.#options;
    const address = addressOf(socket);
    const count = this.#perAddress.get(address) ?? 0;
    const refusal =
      this.#sockets.size >= maxConnections
        ? `more than ${maxConnections} connections`
        : count >= maxConnectionsPerAddress
          ? `more than ${maxConnectionsPerAddress} connections from one address`
          : !this.#handler.mayConnect(address)
            ? 'address is shut out'
            : undefined;
    // Errors end in 'close', which is what is acted on.
    socket.on('error', () => {});
    if (refusal !== undefined) {
      socket.destroy();
      this.#handler.refused(address, refusal);
      return;
    }
    this.#sockets.add(socket);
    this.#perAddress.set(address, count + 1);
    socket.once('close', () => this.#forget(socket, address));
    if (!tls) this.#handler.connected(socket, address);
  }

  #forget(socket: Socket, address: string): void {
    this.#sockets.delete(socket);
    const count = (this.#perAddress.get(address) ?? 1) - 1;
    if (count > 0) this.#perAddress.set(address, count);
    else this.#perAddress.delete(address);
  }
}

/** IPv4 addresses of a dual-stack socket look the same as those of any other. */
function addressOf(socket: Socket): string {
  return (socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '');
}
