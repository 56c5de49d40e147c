/**
 * An HTTP proxy on this machine through which a media process fetches playlists and segments: every address they name is checked when it is
 * connected to, redirections and playlists of hostile servers included. It reaches nothing that a program on this machine could not reach itself.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { PublicAddresses } from '../../lib/public-address.ts';
import { tunnelFailure } from './tunnel.ts';

/** A server that says nothing for so long is given up. */
const IDLE_MS = 20_000;

export class CheckedProxy {
  readonly #addresses: Pick<PublicAddresses, 'resolvePublic' | 'lookup'>;
  readonly #server: Server;
  readonly #onward = new Set<Duplex>();
  #failure: string | undefined;

  constructor({ addresses }: { readonly addresses: Pick<PublicAddresses, 'resolvePublic' | 'lookup'> }) {
    this.#addresses = addresses;
    this.#server = createServer((req, res) => void this.#fetch(req, res));
    this.#server.on('connect', (req: IncomingMessage, near: Duplex, head: Buffer) => void this.#tunnel(req, near, head));
  }

  /** What was not reached last, a sentence. */
  get failure(): string | undefined {
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
    for (const stream of this.#onward) stream.destroy();
  }

  async #fetch(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = URL.canParse(req.url ?? '') ? new URL(req.url ?? '') : undefined;
    if (url?.protocol !== 'http:' || (req.method !== 'GET' && req.method !== 'HEAD')) {
      res.writeHead(400).end();
      return;
    }
    const fail = (error: unknown) => {
      this.#failure = tunnelFailure(error, url.hostname, Number(url.port) || 80);
      if (res.headersSent) res.destroy();
      else res.writeHead(502).end();
    };
    try {
      await this.#addresses.resolvePublic(url.hostname);
    } catch (error) {
      fail(error);
      return;
    }
    const { 'proxy-authorization': _, 'proxy-connection': __, ...headers } = req.headers;
    const onward = request(url, { method: req.method, headers, lookup: this.#addresses.lookup, timeout: IDLE_MS, agent: false });
    onward.on('timeout', () => onward.destroy(new Error('it says nothing')));
    onward.on('error', fail);
    onward.on('response', (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on('error', fail).pipe(res);
    });
    res.on('close', () => onward.destroy());
    onward.end();
  }

  async #tunnel(req: IncomingMessage, near: Duplex, head: Buffer): Promise<void> {
    near.on('error', () => {});
    const [, host = '', port = ''] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(req.url ?? '') ?? [];
    try {
      await this.#addresses.resolvePublic(host);
    } catch (error) {
      this.#failure = tunnelFailure(error, host, Number(port));
      near.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const far = connect({ host, port: Number(port), lookup: this.#addresses.lookup });
    this.#onward.add(far);
    far.on('error', (error) => {
      this.#failure = tunnelFailure(error, host, Number(port));
      near.destroy();
    });
    far.on('close', () => {
      this.#onward.delete(far);
      near.destroy();
    });
    near.on('close', () => far.destroy());
    far.once('connect', () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      far.write(head);
      near.pipe(far).pipe(near);
    });
  }
}
