/** For tests: what takes WebSockets, on a real HTTP server, gone with the test. */
import { onTestFinished } from 'vitest';
import type { ClientOptions } from 'ws';
import type { Clock } from '../../../lib/clock.ts';
import { silentLog } from '../../../lib/silent-log.ts';
import { HttpServer, type UpgradeHandler } from '../server.ts';
import { SocketClient } from './socket-client.ts';

interface Sockets extends UpgradeHandler {
  start(): void;
  close(): Promise<void>;
}

export class SocketStand {
  readonly #sockets: Sockets;
  readonly #server: HttpServer;
  #port = 0;

  constructor(sockets: Sockets, clock: Clock) {
    this.#sockets = sockets;
    this.#server = new HttpServer({ host: '127.0.0.1', port: 0, clock, log: silentLog, handlers: [], fallback: (_request, response) => response.end(), upgrades: [sockets] });
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    this.#sockets.start();
    ({ port: this.#port } = await this.#server.start());
    onTestFinished(() => this.close());
  }

  async close(): Promise<void> {
    await this.#sockets.close();
    await this.#server.close();
  }

  client(path: string, protocols: string[], options: ClientOptions): SocketClient {
    return new SocketClient(`ws://127.0.0.1:${this.#port}${path}`, protocols, options);
  }
}
