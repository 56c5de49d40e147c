/** For tests: a WebSocket client that keeps what it hears and waits for what it wants. */
import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';

export class SocketClient {
  readonly ws: WebSocket;
  readonly heard: unknown[] = [];
  /** The close code. */
  readonly closed: Promise<number>;
  #wake: (() => void) | undefined;

  constructor(url: string, protocols: string | string[] = [], options: ClientOptions = {}) {
    this.ws = new WebSocket(url, protocols, options);
    this.ws.on('message', (data) => {
      this.heard.push(JSON.parse(String(data)));
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => this.ws.once('close', resolve));
    this.ws.on('error', () => {});
  }

  async open(): Promise<this> {
    await once(this.ws, 'open');
    return this;
  }

  /** The HTTP status that refused the handshake. */
  async refusal(): Promise<number | undefined> {
    const [, response] = await once(this.ws, 'unexpected-response');
    this.ws.terminate();
    return response.statusCode;
  }

  send(command: unknown): void {
    this.ws.send(typeof command === 'string' ? command : JSON.stringify(command));
  }

  /** Resolves when the server has taken everything sent so far: frames are answered in order. */
  async settled(): Promise<void> {
    this.ws.ping();
    await once(this.ws, 'pong');
  }

  /** The first event of this type, heard already or to come; it is taken out. */
  async next(type: string): Promise<unknown> {
    for (;;) {
      const at = this.heard.findIndex((event) => typeof event === 'object' && event !== null && 'type' in event && event.type === type);
      if (at >= 0) return this.heard.splice(at, 1)[0];
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async close(): Promise<void> {
    this.ws.close();
    await this.closed;
  }
}
