/** The stream socket against a real WebSocket server. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { StreamSocketEvent } from '@millrace/contract/events/stream-socket';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type WebSocket as ServerSocket, WebSocketServer } from 'ws';
import type { ConnectionState } from './event-socket.ts';
import { ServerClock } from './server-clock.ts';
import { StreamSocket } from './stream-socket.ts';

const STATUS = {
  type: 'STREAM_STATUS_CHANGED',
  status: 'live',
  broadcastId: null,
  epoch: null,
  startedAt: null,
  endedAt: null,
  reconnectUntil: null,
  at: '2026-01-01T00:00:10.000Z',
} as const;

let server: WebSocketServer;
let socket: StreamSocket | undefined;

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
});

afterEach(() => {
  socket?.close();
  for (const client of server.clients) client.terminate();
  server.close();
});

function connect() {
  const address = server.address();
  const events: StreamSocketEvent[] = [];
  const states: ConnectionState[] = [];
  const waiting: (() => void)[] = [];
  const clock = new ServerClock(() => 0);
  const network = new EventTarget();
  const wake = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  const made = new StreamSocket({
    origin: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    streamId: 'stream_0123456789abcdef',
    token: 'pass',
    WebSocket,
    clock,
    random: () => 0,
    network,
    vitals: () => ({ latencyMs: 900, stalls: 0 }),
    listener: {
      event: (event) => {
        events.push(event);
        wake();
      },
      connection: (state) => {
        states.push(state);
        wake();
      },
    },
  });
  socket = made;
  made.start();
  const until = async (met: () => boolean) => {
    while (!met()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return { socket: made, events, states, clock, network, until };
}

async function nextClient(): Promise<{ client: ServerSocket; url: string; next: () => Promise<unknown> }> {
  const { client, request } = await new Promise<{ client: ServerSocket; request: IncomingMessage }>((resolve) =>
    server.once('connection', (client, request) => resolve({ client, request })),
  );
  const queue: unknown[] = [];
  const waiting: ((message: unknown) => void)[] = [];
  client.on('message', (data) => {
    const message: unknown = JSON.parse(String(data));
    const taker = waiting.shift();
    if (taker) taker(message);
    else queue.push(message);
  });
  return { client, url: request.url ?? '', next: () => (queue.length > 0 ? Promise.resolve(queue.shift()) : new Promise((resolve) => waiting.push(resolve))) };
}

it('carries the token, gives typed events on and learns the server’s clock', async () => {
  const arriving = nextClient();
  const mine = connect();
  const { client, url } = await arriving;
  expect(url).toBe('/ws/streams/stream_0123456789abcdef?token=pass');
  client.send(JSON.stringify(STATUS));
  await mine.until(() => mine.events.length === 1);
  expect(mine.events[0]).toEqual(STATUS);
  expect(mine.clock.now()).toBe(Date.parse(STATUS.at));
});

it('passes over frames it does not know', async () => {
  const arriving = nextClient();
  const mine = connect();
  const { client } = await arriving;
  for (const frame of ['nonsense', '{"type":"NEW_THING"}', '[]', '{"type":"VIEWERS_COUNTED","viewers":-1}']) client.send(frame);
  client.send(JSON.stringify({ type: 'VIEWERS_COUNTED', viewers: 3 }));
  await mine.until(() => mine.events.length > 0);
  expect(mine.events).toEqual([{ type: 'VIEWERS_COUNTED', viewers: 3 }]);
});

it('reconnects at once when the connection drops, and says again that it watches', async () => {
  const arriving = nextClient();
  const mine = connect();
  const first = await arriving;
  await mine.until(() => mine.states.includes('open'));
  mine.socket.watch({ visitorId: 'visitor-1', protocol: 'll-hls', device: 'desktop' });
  expect(await first.next()).toMatchObject({ type: 'WATCH', visitorId: 'visitor-1' });
  const again = nextClient();
  first.client.terminate();
  expect(await (await again).next()).toMatchObject({ type: 'WATCH', visitorId: 'visitor-1' });
  expect(mine.states).toEqual(['connecting', 'open', 'closed', 'connecting', 'open']);
});

it('connects anew when the network comes back', async () => {
  const arriving = nextClient();
  const mine = connect();
  await arriving;
  await mine.until(() => mine.states.includes('open'));
  const again = nextClient();
  mine.network.dispatchEvent(new Event('online'));
  await again;
});

it('stops when the server refuses for good', async () => {
  const arriving = nextClient();
  const mine = connect();
  const { client } = await arriving;
  client.close(4404);
  await mine.until(() => mine.states.includes('refused'));
  expect(mine.states.filter((state) => state === 'connecting')).toHaveLength(1);
});
