/** A TCP relay whose cable can be pulled: between an encoder and the server it plays the network. */
import { connect, createServer, type Server, type Socket } from 'node:net';

interface Link {
  readonly client: Socket;
  readonly upstream: Socket;
  frozen: boolean;
}

export class TcpProxy implements AsyncDisposable {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #links = new Set<Link>();
  readonly #server: Server;
  #frozen = false;
  #disconnected = false;
  #port = 0;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer((client) => this.#join(client));
  }

  static async to(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve, reject) => proxy.#server.once('error', reject).listen(0, '127.0.0.1', resolve));
    const address = proxy.#server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
    proxy.#port = address.port;
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Breaks every connection at once, as a rebooting router does. */
  cut(): void {
    for (const { client, upstream } of this.#links) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
    this.#links.clear();
  }

  /** Breaks every connection, and each that comes, until `reconnect`. */
  disconnect(): void {
    this.#disconnected = true;
    this.cut();
  }

  reconnect(): void {
    this.#disconnected = false;
  }

  /** Pulls the cable: nothing passes any more, not even the end of a connection; both sides believe it stands. */
  freeze(): void {
    this.#frozen = true;
    for (const link of this.#links) freezeLink(link);
  }

  /** Plugs the cable in. `lost`: only new connections pass, the old ones stay half-open for good, as behind a router that forgot them. */
  resume(oldConnections: 'kept' | 'lost'): void {
    this.#frozen = false;
    if (oldConnections === 'lost') return;
    for (const link of this.#links) {
      link.frozen = false;
      link.client.resume();
      link.upstream.resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket): void {
    if (this.#disconnected) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(this.#target);
    const link: Link = { client, upstream, frozen: false };
    this.#links.add(link);
    if (this.#frozen) freezeLink(link);
    relay(link, client, upstream);
    relay(link, upstream, client);
    const forget = () => {
      if (client.destroyed && upstream.destroyed) this.#links.delete(link);
    };
    client.on('close', forget);
    upstream.on('close', forget);
  }
}

function relay(link: Link, from: Socket, to: Socket): void {
  from.on('data', (bytes) => {
    if (!to.destroyed && !to.write(bytes)) from.pause();
  });
  to.on('drain', () => {
    if (!link.frozen) from.resume();
  });
  from.on('end', () => {
    if (!link.frozen) to.end();
  });
  from.on('error', () => from.destroy());
  // A connection that dies while the cable is out never tells the other side.
  from.on('close', () => {
    if (!link.frozen) to.destroy();
  });
}

function freezeLink(link: Link): void {
  link.frozen = true;
  link.client.pause();
  link.upstream.pause();
}
