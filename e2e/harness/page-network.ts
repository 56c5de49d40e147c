/** The network of one person's browser: its WebRTC sessions go through a bad network, and all of it can be cut. */
import type { APIResponse, BrowserContext } from 'playwright-core';
import type { RunningServer } from './server.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { type Fault, UdpProxy } from './udp-proxy.ts';

export class PageNetwork implements AsyncDisposable {
  readonly udp: UdpProxy;
  readonly #tcp: TcpProxy;
  readonly #context: BrowserContext;
  #isCut = false;

  private constructor(context: BrowserContext, udp: UdpProxy, tcp: TcpProxy) {
    this.#context = context;
    this.udp = udp;
    this.#tcp = tcp;
  }

  /** Before the pages of the context are opened. */
  static async around(context: BrowserContext, { http, addresses }: RunningServer): Promise<PageNetwork> {
    const { hostname: host, port } = new URL(http);
    const udp = await UdpProxy.before(Number(new URL(addresses.get('webrtc') ?? '').port));
    const network = new PageNetwork(context, udp, await TcpProxy.to({ host, port: Number(port) }));
    // Answers name the proxy's port in place of the server's: pages need no setting for it.
    await context.route(/\/wh[ie]p\/[^/?]+(\?|$)/, async (route) => {
      if (network.#isCut) return route.abort('internetdisconnected');
      if (route.request().method() !== 'POST') return route.continue();
      // Fetched by Playwright, over a connection that the server may just have closed for being idle: a browser would ask again by itself.
      const response = await route.fetch({ maxRetries: 2 });
      return route.fulfill({ status: response.status(), headers: headersOf(response), body: leadTo(await response.text(), network.udp.port) });
    });
    return network;
  }

  /** Where pages find the server whose whole network is to be cut. */
  get http(): string {
    return `http://127.0.0.1:${this.#tcp.port}`;
  }

  set fault(fault: Fault) {
    this.udp.fault = fault;
  }

  /** Nothing passes, and the browser knows, as when a phone leaves its Wi-Fi. */
  async cut(): Promise<void> {
    this.#isCut = true;
    this.udp.fault = { loss: 1 };
    this.#tcp.disconnect();
    await this.#tell({ offline: true });
  }

  async mend(): Promise<void> {
    this.#isCut = false;
    this.udp.fault = {};
    this.#tcp.reconnect();
    await this.#tell({ offline: false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.udp[Symbol.asyncDispose](), this.#tcp[Symbol.asyncDispose]()]);
  }

  /** Pages alone. Chromium's own way of being without a network (Playwright's `setOffline`) keeps a core busy as long as there are peer connections. */
  async #tell({ offline }: { readonly offline: boolean }): Promise<void> {
    for (const page of this.#context.pages()) {
      const session = await this.#context.newCDPSession(page);
      await session.send('Network.overrideNetworkState', { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
    }
  }
}

/** Those of one name in one line, as an answer of the browser's own has them; the length is another. */
function headersOf(response: APIResponse): Record<string, string> {
  const headers = new Map<string, string>();
  for (const { name, value } of response.headersArray()) {
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  headers.delete('Content-Length');
  return Object.fromEntries(headers);
}

/** The answer with every candidate at this port. */
export function leadTo(answer: string, port: number): string {
  return answer.replaceAll(/(a=candidate:\d+ 1 udp \d+ \S+) \d+/g, `$1 ${port}`);
}
