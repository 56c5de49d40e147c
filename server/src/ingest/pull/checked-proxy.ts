/**
 * An HTTP proxy on this machine through which a media process fetches playlists and segments: every address they name is checked when it is
 * connected to, redirections and playlists of hostile servers included. It reaches nothing that a program on this machine could not reach itself.
 * It ends TLS on both sides, since libavformat would verify no certificate: the far side as everywhere, the near side for the process alone.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type SecureContext, TLSSocket } from 'node:tls';
import type { AppError } from '../../lib/app-error.ts';
import type { PublicAddresses } from '../../lib/public-address.ts';
import { connectionFailure } from './failure.ts';

/** A server that says nothing for so long is given up. */
const IDLE_MS = 20_000;

export interface CheckedProxyDeps {
  readonly addresses: Pick<PublicAddresses, 'resolvePublic' | 'lookup'>;
  /** Of the far side: the authorities that servers are believed by. */
  readonly farTls: SecureContext;
  /** Of the near side: a key and a certificate that nobody looks at. */
  readonly nearTls: { context(): Promise<SecureContext> };
}

export class CheckedProxy {
  readonly #deps: CheckedProxyDeps;
  readonly #server: Server;
  readonly #streams = new Set<Duplex>();
  #failure: AppError | undefined;

  constructor(deps: CheckedProxyDeps) {
    this.#deps = deps;
    this.#server = createServer((req, res) => void this.#answer(req, res));
    this.#server.on('connect', (req: IncomingMessage, near: Duplex, head: Buffer) => void this.#tunnel(req, near, head));
  }

  /** What was not reached last; undefined once something was. */
  get failure(): AppError | undefined {
    return this.#failure;
  }

  /** Resolves with its address. */
  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('a proxy has no port');
    return `http://127.0.0.1:${address.port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    for (const stream of this.#streams) stream.destroy();
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = URL.canParse(req.url ?? '') ? new URL(req.url ?? '') : undefined;
    if (url?.protocol !== 'http:' || (req.method !== 'GET' && req.method !== 'HEAD')) {
      res.writeHead(400).end();
      return;
    }
    const fail = (error: unknown) => {
      this.#failure = connectionFailure(error, url.hostname, Number(url.port) || 80);
      if (res.headersSent) res.destroy();
      else res.writeHead(502).end();
    };
    try {
      await this.#deps.addresses.resolvePublic(url.hostname);
      this.#fetch(url, req, res, fail);
    } catch (error) {
      fail(error);
    }
  }

  #fetch(url: URL, req: IncomingMessage, res: ServerResponse, fail: (error: unknown) => void): void {
    const { 'proxy-authorization': _, 'proxy-connection': __, ...headers } = req.headers;
    const onward = request(url, { method: req.method, headers, lookup: this.#deps.addresses.lookup, timeout: IDLE_MS, agent: false });
    onward.on('timeout', () => onward.destroy(new Error('it says nothing')));
    onward.on('error', fail);
    onward.on('response', (answer) => {
      // A process that takes its time reads nothing for longer; what says nothing meanwhile, it gives up itself.
      onward.setTimeout(0);
      this.#failure = undefined;
      const { trailer: ___, ...answered } = answer.headers;
      try {
        res.writeHead(answer.statusCode ?? 502, answered);
      } catch (error) {
        // Node reads numbers and names that it refuses to write.
        onward.destroy();
        fail(error);
        return;
      }
      answer.on('error', fail).pipe(res);
    });
    res.on('close', () => onward.destroy());
    onward.end();
  }

  /** Asked for by whoever fetches https, and by nobody else. */
  async #tunnel(req: IncomingMessage, near: Duplex, head: Buffer): Promise<void> {
    const { addresses, farTls, nearTls } = this.#deps;
    this.#keep(near);
    const [, host = '', port = ''] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(req.url ?? '') ?? [];
    const fail = (error: unknown) => {
      this.#failure = connectionFailure(error, host, Number(port));
      near.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    };
    try {
      await addresses.resolvePublic(host);
      const secureContext = await nearTls.context();
      if (near.destroyed) return;
      const far = connectTls({ host, port: Number(port), lookup: addresses.lookup, secureContext: farTls, timeout: IDLE_MS, ...(isIP(host) === 0 && { servername: host }) });
      this.#keep(far);
      far.on('timeout', () => far.destroy(new Error('it says nothing')));
      far.on('close', () => near.destroy());
      near.on('close', () => far.destroy());
      await once(far, 'secureConnect');
      far.setTimeout(0);
      this.#failure = undefined;
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      near.unshift(head);
      const inside = new TLSSocket(near, { isServer: true, secureContext });
      this.#keep(inside);
      inside.pipe(far).pipe(inside);
    } catch (error) {
      fail(error);
    }
  }

  /** Until it is closed: its end is seen on the other side. */
  #keep(stream: Duplex): void {
    this.#streams.add(stream);
    stream.on('error', () => {});
    stream.on('close', () => this.#streams.delete(stream));
  }
}
