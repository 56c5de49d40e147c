/** The HTTP listener: media first, then everything else, and WebSockets by their path. Knows none of them by name. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { sendProblem } from '../../lib/problem.ts';
import { listenError } from '../../lib/start-error.ts';
import { Http2Sessions } from './http2-sessions.ts';
import { KEEP_ALIVE_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from './patience.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';
import type { SocketLimit } from './socket-limit.ts';

/** Answers some paths without a framework in between. */
export interface MediaHandler {
  /** @param path of the URL, without the query. False: not this handler's; nothing was sent. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): boolean | Promise<boolean>;
}

export interface UpgradeHandler {
  /** Takes the connection over (true), if need be later, or leaves it untouched. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, path: string): boolean;
}

export interface HttpServerDeps {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Asked in order. */
  readonly handlers: readonly MediaHandler[];
  /** Gets what no handler took: the API and the pages. */
  readonly fallback: (request: IncomingMessage, response: ServerResponse) => void;
  readonly upgrades: readonly UpgradeHandler[];
  /** Of its own port. */
  readonly maxConnections?: number;
  /** None unless given. */
  readonly socketLimit?: SocketLimit;
}

/** Idle ones take some 10 kB each. A proxy in front brings everybody by one address, so that there is no limit of each. */
const MAX_CONNECTIONS = 20_000;

/** A head takes a moment, even on a bad line. */
const HEADERS_TIMEOUT_MS = 10_000;

/** How often those bounds are looked at. */
const CHECK_MS = 5_000;

/** What a stopping server grants to answers that are on their way. */
const CLOSE_GRACE_MS = 3_000;

/** How often a stopping server looks for connections that have fallen idle. */
const TIDY_MS = 20;

export class HttpServer {
  readonly counters = { requests: 0, upgrades: 0, failures: 0, turnedAway: 0, refusedSockets: 0 };
  readonly #deps: HttpServerDeps;
  readonly #server: Server;
  readonly #http2: Http2Sessions;
  /** Connections that another listener accepted. */
  readonly #adopted = new Set<Socket>();
  #connections = 0;
  #closing: Promise<void> | undefined;

  constructor(deps: HttpServerDeps) {
    this.#deps = deps;
    this.#server = createServer({
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_MS,
      noDelay: true,
      // Clients that would rather speak HTTP/2 (curl, Java) offer that as an upgrade, and take an answer without it.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    });
    this.#server.on('request', (request, response) => this.#request(request, response));
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on('connection', (socket) => this.#count(socket));
    this.#server.maxConnections = deps.maxConnections ?? MAX_CONNECTIONS;
    this.#server.on('drop', () => {
      const turnedAway = ++this.counters.turnedAway;
      // At the 1st, 2nd, 4th, 8th …: a flood of connections must not become one of lines.
      if ((turnedAway & (turnedAway - 1)) === 0) deps.log.warn({ turnedAway }, 'more connections than this server takes: closed at the door');
    });
    this.#http2 = new Http2Sessions({ clock: deps.clock, request: (request, response) => this.#request(request, response) });
  }

  /** TCP connections now, sockets included. */
  get connections(): number {
    return this.#connections;
  }

  get isListening(): boolean {
    return this.#server.listening;
  }

  async start(): Promise<{ readonly port: number }> {
    const { host, port, log } = this.#deps;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    }).catch((error) => {
      throw listenError(error, { name: 'HTTP', port, key: 'PORT' });
    });
    this.#server.on('error', (error) => log.error({ err: error }, 'the HTTP listener failed'));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the HTTP listener has no port');
    return { port: address.port };
  }

  /** Serves a connection that another listener accepted, as if it were its own. */
  adopt(socket: Socket, protocol: 'http/1.1' | 'h2'): void {
    if (this.#closing) {
      socket.destroy();
      return;
    }
    this.#adopted.add(socket);
    socket.once('close', () => this.#adopted.delete(socket));
    if (protocol === 'h2') {
      this.#count(socket);
      this.#http2.accept(socket);
    } else this.#server.emit('connection', socket);
  }

  /** HTTP/2 alone: what its bounds did. */
  get http2Counters(): Http2Sessions['counters'] {
    return this.#http2.counters;
  }

  /** Takes no more connections, lets answers on their way finish for a moment, then cuts the rest. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const gone = [...this.#adopted].map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())));
    this.#http2.close();
    this.#server.closeIdleConnections();
    // An answer on its way was not told to end its connection: that falls idle when the answer is whole.
    const tidy = this.#deps.clock.every(TIDY_MS, () => this.#server.closeIdleConnections());
    const force = this.#deps.clock.after(CLOSE_GRACE_MS, () => {
      this.#server.closeAllConnections();
      for (const socket of this.#adopted) socket.destroy();
    });
    await Promise.all([closed, ...gone]);
    tidy.cancel();
    force.cancel();
  }

  #count(socket: Socket): void {
    this.#connections++;
    socket.once('close', () => this.#connections--);
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    this.counters.requests++;
    // The connection ends with this answer: a client that keeps it alive would hold up the stop. HTTP/2 was told by its session.
    if (this.#closing && request.httpVersionMajor < 2) response.setHeader('connection', 'close');
    const taken = this.#offer(request, response, pathOf(request), 0);
    if (typeof taken !== 'boolean') taken.catch((error) => this.#failed(request, response, error));
  }

  /** Without a promise as long as the handlers answer without one: this stands in the path of every part. */
  #offer(request: IncomingMessage, response: ServerResponse, path: string, from: number): boolean | Promise<boolean> {
    const { handlers, fallback } = this.#deps;
    try {
      for (let i = from; i < handlers.length; i++) {
        const taken = handlers[i]?.handle(request, response, path) ?? false;
        if (taken === true) return true;
        if (taken !== false) return taken.then((done) => done || this.#offer(request, response, path, i + 1));
      }
      fallback(request, response);
    } catch (error) {
      this.#failed(request, response, error);
    }
    return true;
  }

  #failed(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    this.counters.failures++;
    this.#deps.log.error({ err: error, method: request.method, path: pathOf(request) }, 'a request failed');
    // Half an answer is cut off, so that nobody takes it for whole.
    if (response.headersSent) response.destroy();
    else sendProblem(response, 'internal');
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.counters.upgrades++;
    // A connection that breaks before its route listens must not bring the process down.
    socket.on('error', (error) => {
      this.#deps.log.debug({ err: error }, 'a connection broke while it was upgraded');
      socket.destroy();
    });
    if (this.#closing) {
      refuseUpgrade(socket, 'overloaded', 'The server is stopping.');
      return;
    }
    if (this.#deps.socketLimit?.admits(request, socket) === false) {
      this.counters.refusedSockets++;
      refuseUpgrade(socket, 'too_many_connections');
      return;
    }
    const path = pathOf(request);
    if (!this.#deps.upgrades.some((handler) => handler.upgrade(request, socket, head, path))) refuseUpgrade(socket, 'not_found');
  }
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}
