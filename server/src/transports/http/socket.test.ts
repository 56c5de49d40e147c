import { randomBytes } from 'node:crypto';
import { CLOSE_SERVER_STOPPING } from '@millrace/contract/protocol';
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import type { ClientOptions } from 'ws';
import { z } from 'zod';
import { FakeClock } from '../../lib/clock.ts';
import { quietLog } from '../../lib/testing/quiet-log.ts';
import { HttpServer } from './server.ts';
import { type Socket, SocketServer } from './socket.ts';
import { SocketLimit } from './socket-limit.ts';
import { SocketClient } from './testing/socket-client.ts';

const Command = z.strictObject({ type: z.literal('ECHO'), text: z.string().max(100) });
type Command = z.infer<typeof Command>;

const closing: (() => Promise<void>)[] = [];

async function serve(socketLimit?: SocketLimit) {
  const clock = new FakeClock();
  const log = quietLog();
  const sockets = new SocketServer<Command>({
    clock,
    log,
    protocol: 'echo.v1',
    maxFrameBytes: 1024,
    command: Command,
    refusal: (code, detail) => JSON.stringify({ type: 'REFUSED', code, detail }),
  });
  sockets.start();
  const accepted: Socket<Command>[] = [];
  const server = new HttpServer({
    host: '127.0.0.1',
    port: 0,
    clock,
    log,
    handlers: [],
    fallback: (_request, response) => response.end(),
    ...(socketLimit && { socketLimit }),
    upgrades: [
      {
        upgrade(request, socket, head) {
          sockets.accept(request, socket, head, (opened) => {
            accepted.push(opened);
            opened.listen({ command: ({ text }) => opened.send(JSON.stringify({ type: 'ECHOED', text })), closed: () => {} });
          });
          return true;
        },
      },
    ],
  });
  const { port } = await server.start();
  closing.push(async () => {
    await sockets.close();
    await server.close();
  });
  const client = (options?: ClientOptions) => new SocketClient(`ws://127.0.0.1:${port}/`, 'echo.v1', options);
  return { clock, server, sockets, accepted, client, connect: () => client().open() };
}

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

it('carries commands in and events out under its subprotocol', async () => {
  const { connect } = await serve();
  const client = await connect();
  expect(client.ws.protocol).toBe('echo.v1');
  client.send({ type: 'ECHO', text: 'ahoy' });
  expect(await client.next('ECHOED')).toEqual({ type: 'ECHOED', text: 'ahoy' });
});

it('takes so many connections of one network and no more, and the next when one has closed', async () => {
  const limit = new SocketLimit({ maxPerAddress: 2, remoteAddressOf: ({ headers }) => String(headers['x-from']) });
  const { server, sockets, client } = await serve(limit);
  const from = (address: string) => client({ headers: { 'x-from': address } });
  const first = await from('2001:db8::1').open();
  await from('2001:db8::2').open();
  expect(await from('2001:db8::3').refusal()).toBe(429);
  expect(await from('2001:db8::1').refusal()).toBe(429);
  await from('2001:db8:0:1::1').open();
  await first.close();
  await expect.poll(() => sockets.size).toBe(2);
  await from('2001:db8::3').open();
  expect(server.counters.refusedSockets).toBe(2);
  // A proxy on this machine has all the viewers there are.
  for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '::1', '127.0.0.1', '::1', '::1']) await from(address).open();
});

it('says what is wrong with a malformed frame and closes with 4400 at the third', async () => {
  const { connect, sockets } = await serve();
  const client = await connect();
  client.send('{"type":');
  expect(await client.next('REFUSED')).toMatchObject({ code: 'invalid_request', detail: 'must be JSON' });
  client.send({ type: 'ECHO', text: 7 });
  expect(await client.next('REFUSED')).toMatchObject({ detail: expect.stringContaining('text: ') });
  client.ws.send(randomBytes(10));
  expect(await client.closed).toBe(4400);
  expect(sockets.counters.malformedFrames).toBe(3);
});

it('closes with 1009 on a frame that is too large', async () => {
  const { connect } = await serve();
  const client = await connect();
  client.send({ type: 'ECHO', text: 'x'.repeat(2000) });
  expect(await client.closed).toBe(1009);
});

it('closes with 4429 on a flood of good commands', async () => {
  const { connect } = await serve();
  const client = await connect();
  for (let i = 0; i < 200; i++) client.send({ type: 'ECHO', text: 'x' });
  expect(await client.closed).toBe(4429);
});

it('[frames] survives whatever a client sends, and still serves the next', async () => {
  const { connect, sockets } = await serve();
  const frame = fc.oneof(fc.string(), fc.json(), fc.uint8Array({ maxLength: 200 }), fc.constant('{"__proto__":1}'), fc.constant('['.repeat(1000)));
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 3, maxLength: 6 }), async (frames) => {
      const client = await connect();
      for (const data of frames) client.ws.send(data);
      expect(await client.closed).toBe(4400);
    }),
    { seed: 20_261_125, numRuns: 40 },
  );
  const client = await connect();
  client.send({ type: 'ECHO', text: 'still here' });
  await client.next('ECHOED');
  expect(sockets.size).toBe(1);
});

it('lets go of a connection that answers no ping, within 20 s', async () => {
  const { clock, connect, sockets } = await serve();
  const dead = await connect();
  const alive = await connect();
  dead.ws.pause();
  clock.advance(10_000);
  await alive.settled();
  expect(sockets.size).toBe(2);
  clock.advance(10_000);
  await alive.settled();
  expect(sockets.size).toBe(1);
  expect(sockets.counters.deadClients).toBe(1);
  dead.ws.resume();
  expect(await dead.closed).toBe(1006);
});

it('drops what may be dropped for a slow client, and lets go of one that does not take the rest', async () => {
  const { accepted, connect, sockets } = await serve();
  const client = await connect();
  client.ws.pause();
  const [socket] = accepted;
  const text = JSON.stringify({ type: 'BULK', data: 'x'.repeat(100_000) });
  for (let i = 0; i < 1000 && sockets.counters.droppedEvents === 0; i++) socket?.send(text, true);
  expect(sockets.counters).toMatchObject({ droppedEvents: 1, slowClients: 0 });
  for (let i = 0; i < 1000 && sockets.counters.slowClients === 0; i++) socket?.send(text);
  expect(sockets.counters.slowClients).toBe(1);
  await socket?.closed;
  expect(sockets.size).toBe(0);
});

it('tells everybody when the server stops', async () => {
  const { connect, sockets } = await serve();
  const clients = await Promise.all([connect(), connect(), connect()]);
  await sockets.close();
  expect(await Promise.all(clients.map((client) => client.closed))).toEqual(Array(3).fill(CLOSE_SERVER_STOPPING));
  expect(sockets.size).toBe(0);
});
