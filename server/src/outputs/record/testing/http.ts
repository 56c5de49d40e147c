/** For tests: routes over a real connection. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Elsewhere } from '../../../stream/elsewhere.ts';
import type { PlaybackGate } from '../../../stream/playback-gate.ts';

interface Route {
  handle(req: IncomingMessage, res: ServerResponse, path: string): boolean | Promise<boolean>;
}

/** Everybody may watch. */
export const OPEN_GATE: PlaybackGate = { check: () => 'open' };

/** There is no other server. */
export const NOWHERE_ELSE: Elsewhere = { isLive: async () => false };

export interface TestHttp extends AsyncDisposable {
  readonly base: string;
  /** Those that are open. */
  connections(): Promise<number>;
}

export async function serve(...routes: readonly Route[]): Promise<TestHttp> {
  const server = createServer((req, res) => {
    const { pathname } = new URL(req.url ?? '/', 'http://localhost');
    void routes.some((route) => route.handle(req, res, pathname));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    base: `http://127.0.0.1:${address.port}`,
    connections: () => new Promise((resolve) => server.getConnections((_, count) => resolve(count))),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
