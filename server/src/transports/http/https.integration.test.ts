/** HTTPS with real clients: the same routes over HTTP/2 and HTTP/1.1, its bounds, and a certificate that is swapped while it serves. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from 'node:http2';
import { Agent, get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import { StunMethod } from '@millrace/media/stun/message';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { readJson } from '../../api/parse.ts';
import { Certificates } from '../../certificates/certificates.ts';
import { type Clock, FakeClock, systemClock } from '../../lib/clock.ts';
import type { Machine } from '../../lib/machine.ts';
import { silentLog } from '../../lib/silent-log.ts';
import type { TurnServer } from '../turn/server.ts';
import { REQUEST_UDP, TurnClient } from '../turn/testing/turn-client.ts';
import { TurnStand } from '../turn/testing/turn-stand.ts';
import { type Offer, type OfferedSession, OfferRoutes } from '../webrtc/offer-routes.ts';
import { KEEP_ALIVE_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from './patience.ts';
import { SecureListener } from './secure-listener.ts';
import { sendBody } from './send-body.ts';
import { sendStored } from './send-stored.ts';
import { HttpServer, type HttpServerDeps } from './server.ts';

const MEDIA = Buffer.from('0123456789'.repeat(1000));

let folder = '';
let certificates: Certificates;
let machine: Machine = { hostName: 'laptop', addresses: [] };
const scope: (() => void | Promise<void>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-https-'));
  certificates = new Certificates({ folder, clock: systemClock, log: silentLog, host: '127.0.0.1', machine: () => machine, files: undefined, acme: undefined });
  await certificates.start();
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  for (const end of scope.splice(0).reverse()) await end();
});

const ca = (): string => certificates.caCertificate?.pem ?? '';

function media(request: IncomingMessage, response: ServerResponse, path: string): boolean {
  if (path !== '/media') return false;
  sendBody(request, response, { pieces: [MEDIA.subarray(0, 3000), MEDIA.subarray(3000)], size: MEDIA.length, contentType: 'video/mp4', cacheControl: 'no-cache' });
  return true;
}

async function serve(deps: Partial<HttpServerDeps> = {}, clock: Clock = systemClock, turn?: TurnServer) {
  const sockets = new WebSocketServer({ noServer: true });
  const http = new HttpServer({
    host: '127.0.0.1',
    port: 0,
    clock,
    log: silentLog,
    handlers: [{ handle: media }],
    fallback: getRequestListener(async (request) => (request.method === 'POST' ? Response.json(await readJson(request)) : new Response(request.url))),
    upgrades: [
      {
        upgrade(request, socket, head) {
          sockets.handleUpgrade(request, socket, head, (ws) => ws.send(`hello at ${request.url}`));
          return true;
        },
      },
    ],
    ...deps,
  });
  const https = new SecureListener({ host: '127.0.0.1', port: 0, certificate: certificates.current(), http, turn, clock, log: silentLog });
  await http.start();
  const { port } = await https.start();
  scope.push(async () => {
    https.stop();
    await http.close();
    await https.close();
  });
  return { http, https, port, origin: `https://127.0.0.1:${port}` };
}

function session(origin: string): ClientHttp2Session {
  const client = connect(origin, { ca: ca() });
  client.on('error', () => {});
  scope.push(() => client.destroy());
  return client;
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function ask(client: ClientHttp2Session, headers: Record<string, string>, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = client.request(headers);
    const chunks: Buffer[] = [];
    let answered: IncomingHttpHeaders = {};
    stream.on('response', (all) => {
      answered = all;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('error', reject);
    stream.once('close', () =>
      stream.rstCode === constants.NGHTTP2_NO_ERROR ? resolve({ headers: answered, body: Buffer.concat(chunks) }) : reject(new Error(`reset ${stream.rstCode}`)),
    );
    stream.end(body);
  });
}

/** Until it is so: the event that a test waits for has no other sign. */
async function becomes(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setImmediate(resolve));
}

test('media comes whole, by range and by HEAD over HTTP/2', async () => {
  const { origin } = await serve();
  const client = session(origin);
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
  const { origin } = await serve();
  expect(String((await ask(session(origin), { ':path': '/page?x=1' })).body)).toBe(`${origin}/page?x=1`);
});

test('bodies are read and bounded over HTTP/2 as over HTTP/1.1', async () => {
  const failures: unknown[] = [];
  const { origin } = await serve({
    fallback: getRequestListener(async (request) => {
      try {
        return Response.json(await readJson(request));
      } catch (error) {
        failures.push(error);
        return new Response(null, { status: 413 });
      }
    }),
  });
  const client = session(origin);
  const post = { ':path': '/', ':method': 'POST', 'content-type': 'application/json' };
  expect(String((await ask(client, post, '{"a":1}')).body)).toBe('{"a":1}');
  expect((await ask(client, post, JSON.stringify('x'.repeat(100_000)))).headers[':status']).toBe(413);
  expect(failures).toHaveLength(1);
});

test('HTTP/1.1 and WebSockets are served on the same port', async () => {
  const { origin, port, http } = await serve();
  const agent = new Agent({ keepAlive: true, ca: ca() });
  scope.push(() => agent.destroy());
  const status = await new Promise((resolve, reject) =>
    get(`${origin}/media`, { agent }, (response) => resolve([response.statusCode, response.httpVersion])).once('error', reject),
  );
  expect(status).toEqual([200, '1.1']);
  const ws = new WebSocket(`wss://127.0.0.1:${port}/ws/here`, { ca: ca() });
  expect(String(await new Promise((resolve, reject) => ws.once('message', resolve).once('error', reject)))).toBe('hello at /ws/here');
  expect(http.connections).toBe(2);
  ws.terminate();
});

test('a hundred held requests in one connection do not keep the next one from its answer', async () => {
  const held: ServerResponse[] = [];
  const { origin, http } = await serve({
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
  const client = session(origin);
  const waiting = Array.from({ length: 99 }, () => ask(client, { ':path': '/held' }));
  await becomes(() => held.length === 99);
  expect((await ask(client, { ':path': '/media' })).body.length).toBe(10_000);
  expect(http.connections).toBe(1);
  for (const response of held) response.end('done');
  for (const answer of await Promise.all(waiting)) expect(String(answer.body)).toBe('done');
});

test('a player that hangs up in mid-wait is noticed', async () => {
  const closed = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const { origin } = await serve({
    handlers: [
      {
        handle(_request, response) {
          response.once('close', () => closed.resolve());
          begun.resolve();
          return true;
        },
      },
    ],
  });
  const stream = session(origin).request({ ':path': '/held' });
  await begun.promise;
  stream.close(constants.NGHTTP2_CANCEL);
  await closed.promise;
});

test('a file is let go of at once when its reader hangs up, though it was being read', async () => {
  const [begun, closed, read] = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let isGone = false;
  const reader = {
    async read() {
      begun.resolve();
      await read.promise;
      return MEDIA;
    },
    async close() {
      closed.resolve();
    },
  };
  // Its patience never ends: nothing is cut off by force.
  const clock = new FakeClock();
  const { origin } = await serve({
    handlers: [
      {
        handle(request, response) {
          response.once('close', () => {
            isGone = true;
          });
          const extents = [{ path: 'a', offset: 0, bytes: MEDIA.length }];
          void sendStored(request, response, { extents, size: MEDIA.length, contentType: 'video/mp4', cacheControl: 'no-store', reader, clock, counters: { bytes: 0 } });
          return true;
        },
      },
    ],
  });
  const stream = session(origin).request({ ':path': '/file' });
  stream.on('error', () => {});
  await begun.promise;
  stream.close(constants.NGHTTP2_CANCEL);
  await becomes(() => isGone);
  read.resolve();
  await closed.promise;
});

test('who hangs up while an offer is looked at is no failure of the server', async () => {
  const taken: AbortSignal[] = [];
  const take = ({ signal }: Offer): Promise<OfferedSession> =>
    new Promise((_, reject) => {
      taken.push(signal);
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  const offers = new OfferRoutes({ name: 'whip', clock: systemClock, log: silentLog, iceServers: { for: () => [] }, newId: () => 'id', remoteAddressOf: () => '192.0.2.1', take });
  const { origin, http } = await serve({ handlers: [offers] });
  const stream = session(origin).request({ ':path': '/whip/one', ':method': 'POST', 'content-type': 'application/sdp' });
  stream.on('error', () => {});
  stream.end('v=0');
  await becomes(() => taken.length === 1);
  stream.close(constants.NGHTTP2_CANCEL);
  await becomes(() => taken[0]?.aborted === true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(http.counters).toMatchObject({ requests: 1, failures: 0 });
});

test('TURN comes in by the same port, named in the handshake or not, and HTTP goes on beside it', async () => {
  await using relay = await TurnStand.start();
  const { origin, port, http } = await serve({}, systemClock, relay.server);
  for (const ALPNProtocols of [undefined, ['stun.turn']]) {
    const socket = connectTls({ host: '127.0.0.1', port, ca: ca(), ...(ALPNProtocols && { ALPNProtocols }) });
    await once(socket, 'secureConnect');
    const client = TurnClient.overStream(socket);
    expect((await client.request(StunMethod.allocate, [REQUEST_UDP])).code).toBe(401);
    expect((await client.request(StunMethod.allocate, [REQUEST_UDP], relay.credentials())).code).toBe(0);
    client.close();
  }
  expect(http.connections).toBe(0);
  expect((await ask(session(origin), { ':path': '/media' })).body.equals(MEDIA)).toBe(true);
});

test.for([undefined, ['http/1.1']])(
  'HTTP/1.1 by %s comes whole while TURN shares the port, in one piece, in single bytes and one request after the other',
  async (ALPNProtocols) => {
    await using relay = await TurnStand.start();
    const { port } = await serve({}, systemClock, relay.server);
    const socket = connectTls({ host: '127.0.0.1', port, ca: ca(), ...(ALPNProtocols && { ALPNProtocols }) });
    scope.push(() => void socket.destroy());
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

test('who says nothing after the handshake is let go, and garbage does no harm', async () => {
  const clock = new FakeClock();
  await using relay = await TurnStand.start();
  const { port, https } = await serve({}, clock, relay.server);
  const connected = async () => {
    const socket = connectTls({ host: '127.0.0.1', port, ca: ca() });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    return socket;
  };
  const silent = await connected();
  const gone = once(silent, 'close');
  const half = await connected();
  half.end(Uint8Array.of(0));
  for (const bytes of [new Uint8Array(2_000), Uint8Array.of(0, 1, 0xff, 0xff, 1, 2, 3, 4), Uint8Array.of(0xff, 0xfe), Buffer.from('\r\n\r\nnonsense\r\n\r\n')]) {
    const socket = await connected();
    const closed = once(socket, 'close');
    socket.resume().write(bytes);
    await closed;
  }
  await becomes(() => https.connections <= 2);
  clock.advance(20_000);
  await gone;
  await becomes(() => https.connections === 0);
});

test('opening and cancelling requests by the thousand ends the session, and nobody else’s', async () => {
  const { origin, http } = await serve({ handlers: [{ handle: () => true }] });
  const attacker = session(origin);
  const attack = (): void => {
    let open = 50;
    for (let i = 0; i < 50; i++) {
      if (attacker.destroyed || attacker.closed) return;
      const stream = attacker.request({ ':path': '/' });
      stream.on('error', () => {});
      stream.once('close', () => {
        if (--open === 0) attack();
      });
      stream.close(constants.NGHTTP2_CANCEL);
    }
  };
  attacker.once('connect', attack);
  // Looked at from the server: the attacker's own program need not notice.
  await becomes(() => http.counters.requests > 0 && http.connections === 0);
  expect(http.counters.requests).toBeLessThan(1000);
  const other = session(origin);
  await new Promise((resolve) => other.once('connect', resolve));
  expect(await new Promise((resolve) => other.ping((error) => resolve(error)))).toBeNull();
});

test('headers beyond 16 KiB are refused before a route sees them', async () => {
  const { origin, http } = await serve();
  expect((await ask(session(origin), { ':path': '/media', 'x-long': 'a'.repeat(20_000) })).headers[':status']).toBe(431);
  await expect(ask(session(origin), { ':path': '/media', 'x-long': 'a'.repeat(60_000), 'x-longer': 'a'.repeat(60_000) })).rejects.toThrow();
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`x-${i}`, '1']));
  await expect(ask(session(origin), { ':path': '/media', ...many })).rejects.toThrow();
  expect(http.counters.requests).toBe(0);
});

test('a session without requests is let go, whatever else it sends, and a body that never ends as well', async () => {
  const clock = new FakeClock();
  const { origin, http } = await serve({ fallback: () => {} }, clock);
  const idle = session(origin);
  const ended = new Promise((resolve) => idle.once('close', resolve));
  await new Promise((resolve) => idle.once('connect', resolve));
  await becomes(() => http.http2Counters.sessions === 1);
  clock.advance(KEEP_ALIVE_TIMEOUT_MS - 1);
  expect(await new Promise((resolve) => idle.ping((error) => resolve(error)))).toBeNull();
  clock.advance(1);
  await ended;
  const slow = session(origin).request({ ':path': '/', ':method': 'POST' });
  const cut = new Promise((resolve) => slow.once('close', resolve));
  slow.on('error', () => {});
  slow.write('{');
  await becomes(() => http.counters.requests === 1);
  clock.advance(REQUEST_TIMEOUT_MS);
  await cut;
  expect(http.http2Counters).toMatchObject({ idled: 1, slowRequests: 1 });
});

test('a stop lets answers on their way finish and takes nothing new', async () => {
  const begun = Promise.withResolvers<ServerResponse>();
  // Nothing is cut off by force: the stop ends by itself or not at all.
  const clock = { ...systemClock, after: () => ({ cancel: () => {} }) };
  const { origin, http, https, port } = await serve({ fallback: (_request, response) => begun.resolve(response) }, clock);
  const slow = ask(session(origin), { ':path': '/slow' });
  const idle = session(origin);
  const idleEnded = new Promise((resolve) => idle.once('close', resolve));
  await new Promise((resolve) => idle.once('connect', resolve));
  const response = await begun.promise;
  https.stop();
  const closed = http.close();
  await idleEnded;
  await expect(new Promise((resolve, reject) => connectTls({ host: '127.0.0.1', port, ca: ca() }, () => resolve(undefined)).once('error', reject))).rejects.toThrow('ECONNREFUSED');
  response.end('whole');
  expect(String((await slow).body)).toBe('whole');
  await closed;
});

test('a new certificate is shown to new connections, and old connections go on', async () => {
  const { origin, https, port } = await serve();
  const stop = certificates.onChange((pair) => https.setCertificate(pair));
  const shown = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port, ca: ca() }, () => {
        resolve(socket.getPeerX509Certificate()?.subjectAltName ?? '');
        socket.destroy();
      });
      socket.once('error', reject);
    });
  const old = session(origin);
  await ask(old, { ':path': '/media' });
  expect(await shown()).not.toContain('10.9.8.7');
  machine = { ...machine, addresses: [{ address: '10.9.8.7', family: 'IPv4', interfaceName: 'wlan0' }] };
  await certificates.look();
  stop();
  expect(await shown()).toContain('10.9.8.7');
  expect((await ask(old, { ':path': '/media' })).headers[':status']).toBe(200);
});

test('bytes that are no TLS are turned away, and the port in use is named with its key', async () => {
  const { port, https } = await serve();
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  expect(https.counters.turnedAway).toBe(1);
  const second = new SecureListener({ host: '127.0.0.1', port, certificate: certificates.current(), http: { adopt() {} }, turn: undefined, clock: systemClock, log: silentLog });
  await expect(second.start()).rejects.toThrow(`Port ${port} for HTTPS is in use by another program. Stop that program or choose another port with HTTPS_PORT.`);
});
