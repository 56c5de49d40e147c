/** HTTPS with real clients: the same routes over HTTP/2 and HTTP/1.1, TURN on the same port, and a certificate that is swapped while it serves. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Agent, get } from 'node:https';
import { connect as connectTls } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import { StunMethod } from '@millrace/media/stun/message';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { readJson } from '../../api/parse.ts';
import { systemClock } from '../../lib/clock.ts';
import { REQUEST_UDP, TurnClient } from '../turn/testing/turn-client.ts';
import { TurnStand } from '../turn/testing/turn-stand.ts';
import { ask, becomes, HttpsStand, MEDIA, media } from './testing/https-stand.ts';

let stand: HttpsStand;

beforeAll(async () => {
  stand = await HttpsStand.start();
});
afterEach(() => stand.clear());
afterAll(() => stand[Symbol.asyncDispose]());

test('media comes whole, by range and by HEAD over HTTP/2', async () => {
  const { origin } = await stand.serve();
  const client = stand.session(origin);
  const whole = await ask(client, { ':path': '/media' });
  expect([whole.headers[':status'], whole.headers['content-length'], whole.body.equals(MEDIA)]).toEqual([200, '10000', true]);
  const part = await ask(client, { ':path': '/media', range: 'bytes=2990-3009' });
  expect([part.headers[':status'], part.headers['content-range'], String(part.body)]).toEqual([206, 'bytes 2990-3009/10000', '01234567890123456789']);
  const head = await ask(client, { ':path': '/media', ':method': 'HEAD' });
  expect([head.headers[':status'], head.headers['content-length'], head.body.length]).toEqual([200, '10000', 0]);
  expect((await ask(client, { ':path': '/media', range: 'bytes=10000-' })).headers[':status']).toBe(416);
  expect(whole.headers).not.toHaveProperty('connection');
});

test('the framework behind it sees the https address it was asked by', async () => {
  const { origin } = await stand.serve();
  expect(String((await ask(stand.session(origin), { ':path': '/page?x=1' })).body)).toBe(`${origin}/page?x=1`);
});

test('bodies are read and bounded over HTTP/2 as over HTTP/1.1', async () => {
  const failures: unknown[] = [];
  const { origin } = await stand.serve({
    fallback: getRequestListener(async (request) => {
      try {
        return Response.json(await readJson(request));
      } catch (error) {
        failures.push(error);
        return new Response(null, { status: 413 });
      }
    }),
  });
  const client = stand.session(origin);
  const post = { ':path': '/', ':method': 'POST', 'content-type': 'application/json' };
  expect(String((await ask(client, post, '{"a":1}')).body)).toBe('{"a":1}');
  expect((await ask(client, post, JSON.stringify('x'.repeat(100_000)))).headers[':status']).toBe(413);
  expect(failures).toHaveLength(1);
});

test('HTTP/1.1 and WebSockets are served on the same port', async () => {
  const { origin, port, http } = await stand.serve();
  const agent = new Agent({ keepAlive: true, ca: stand.ca });
  stand.defer(() => agent.destroy());
  const status = await new Promise((resolve, reject) =>
    get(`${origin}/media`, { agent }, (response) => resolve([response.statusCode, response.httpVersion])).once('error', reject),
  );
  expect(status).toEqual([200, '1.1']);
  const ws = new WebSocket(`wss://127.0.0.1:${port}/ws/here`, { ca: stand.ca });
  expect(String(await new Promise((resolve, reject) => ws.once('message', resolve).once('error', reject)))).toBe('hello at /ws/here');
  expect(http.connections).toBe(2);
  ws.terminate();
});

test('a hundred held requests in one connection do not keep the next one from its answer', async () => {
  const held: ServerResponse[] = [];
  const { origin, http } = await stand.serve({
    handlers: [
      { handle: media },
      {
        handle(_request, response, path) {
          if (path !== '/held') return false;
          held.push(response);
          return true;
        },
      },
    ],
  });
  const client = stand.session(origin);
  const waiting = Array.from({ length: 99 }, () => ask(client, { ':path': '/held' }));
  await becomes(() => held.length === 99);
  expect((await ask(client, { ':path': '/media' })).body.length).toBe(10_000);
  expect(http.connections).toBe(1);
  for (const response of held) response.end('done');
  for (const answer of await Promise.all(waiting)) expect(String(answer.body)).toBe('done');
});

test('TURN comes in by the same port, named in the handshake or not, and HTTP goes on beside it', async () => {
  await using relay = await TurnStand.start();
  const { origin, port, http } = await stand.serve({}, systemClock, relay.server);
  for (const ALPNProtocols of [undefined, ['stun.turn']]) {
    const socket = connectTls({ host: '127.0.0.1', port, ca: stand.ca, ...(ALPNProtocols && { ALPNProtocols }) });
    await once(socket, 'secureConnect');
    const client = TurnClient.overStream(socket);
    expect((await client.request(StunMethod.allocate, [REQUEST_UDP])).code).toBe(401);
    expect((await client.request(StunMethod.allocate, [REQUEST_UDP], relay.credentials())).code).toBe(0);
    client.close();
  }
  expect(http.connections).toBe(0);
  expect((await ask(stand.session(origin), { ':path': '/media' })).body.equals(MEDIA)).toBe(true);
});

test.for([undefined, ['http/1.1']])(
  'HTTP/1.1 by %s comes whole while TURN shares the port, in one piece, in single bytes and one request after the other',
  async (ALPNProtocols) => {
    await using relay = await TurnStand.start();
    const { port } = await stand.serve({}, systemClock, relay.server);
    const socket = connectTls({ host: '127.0.0.1', port, ca: stand.ca, ...(ALPNProtocols && { ALPNProtocols }) });
    stand.defer(() => void socket.destroy());
    await once(socket, 'secureConnect');
    let answer = '';
    socket.on('data', (bytes: Buffer) => {
      answer += String(bytes);
    });
    const request = 'GET /media HTTP/1.1\r\nHost: here\r\n\r\n';
    for (const byte of request) {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await becomes(() => answer.endsWith(String(MEDIA)));
    answer = '';
    socket.write(request + request);
    await becomes(() => answer.split('HTTP/1.1 200').length === 3 && answer.endsWith(String(MEDIA)));
  },
);

test('a stop lets answers on their way finish and takes nothing new', async () => {
  const begun = Promise.withResolvers<ServerResponse>();
  // Nothing is cut off by force: the stop ends by itself or not at all.
  const clock = { ...systemClock, after: () => ({ cancel: () => {} }) };
  const { origin, http, https, port } = await stand.serve({ fallback: (_request, response) => begun.resolve(response) }, clock);
  const slow = ask(stand.session(origin), { ':path': '/slow' });
  const idle = stand.session(origin);
  const idleEnded = new Promise((resolve) => idle.once('close', resolve));
  await new Promise((resolve) => idle.once('connect', resolve));
  const response = await begun.promise;
  https.stop();
  const closed = http.close();
  await idleEnded;
  await expect(new Promise((resolve, reject) => connectTls({ host: '127.0.0.1', port, ca: stand.ca }, () => resolve(undefined)).once('error', reject))).rejects.toThrow(
    'ECONNREFUSED',
  );
  response.end('whole');
  expect(String((await slow).body)).toBe('whole');
  await closed;
});

test('a new certificate is shown to new connections, and old connections go on', async () => {
  const { origin, https, port } = await stand.serve();
  const stop = stand.certificates.onChange((pair) => https.setCertificate(pair));
  const shown = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port, ca: stand.ca }, () => {
        resolve(socket.getPeerX509Certificate()?.subjectAltName ?? '');
        socket.destroy();
      });
      socket.once('error', reject);
    });
  const old = stand.session(origin);
  await ask(old, { ':path': '/media' });
  expect(await shown()).not.toContain('10.9.8.7');
  stand.move([{ address: '10.9.8.7', family: 'IPv4', interfaceName: 'wlan0' }]);
  await stand.certificates.look();
  stop();
  expect(await shown()).toContain('10.9.8.7');
  expect((await ask(old, { ':path': '/media' })).headers[':status']).toBe(200);
});
