/** The network of one person's browser: its WebRTC sessions go through a bad network, and all of it can be cut. */
import type { APIResponse, BrowserContext } from 'playwright-core';
import { type Fault, UdpProxy } from './udp-proxy.ts';

export class PageNetwork implements AsyncDisposable {
  readonly udp: UdpProxy;
  readonly #context: BrowserContext;
  #isCut = false;

  private constructor(context: BrowserContext, udp: UdpProxy) {
    this.#context = context;
    this.udp = udp;
  }

  /** Before the pages of the context are opened. `webrtc`: the address of the ready line. */
  static async around(context: BrowserContext, webrtc: string): Promise<PageNetwork> {
    const network = new PageNetwork(context, await UdpProxy.before(Number(new URL(webrtc).port)));
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

  set fault(fault: Fault) {
    this.udp.fault = fault;
  }

  /** Nothing passes, and the browser knows, as when a phone leaves its Wi-Fi. */
  async cut(): Promise<void> {
    this.#isCut = true;
    this.udp.fault = { loss: 1 };
    await this.#context.setOffline(true);
  }

  async mend(): Promise<void> {
    this.#isCut = false;
    this.udp.fault = {};
    await this.#context.setOffline(false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.udp[Symbol.asyncDispose]();
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
