/** A program that receives webhooks: a real HTTP server that keeps what came and answers as the test says. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export interface Received {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly received: readonly Received[];
  /** When `count` have come in all. */
  came(count: number): Promise<void>;
}

/** @param answer writes the answer; 204 unless given. `turn` counts from 0. */
export async function startReceiver(answer: (response: ServerResponse, turn: number) => void = (response) => response.writeHead(204).end()): Promise<Receiver> {
  const received: Received[] = [];
  const waiting: { readonly count: number; resolve(): void }[] = [];
  const server = createServer((request, response) => {
    void read(request).then((body) => {
      received.push({ headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])), body });
      answer(response, received.length - 1);
      for (const { count, resolve } of waiting) if (received.length >= count) resolve();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}/hook`,
    received,
    came: (count) => (received.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve }))),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function read(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}
