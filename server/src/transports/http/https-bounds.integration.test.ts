/** The bounds of HTTPS, with real clients: who hangs up, says nothing or sends too much costs the server nothing that stays. */
import { once } from 'node:events';
import { constants } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { FakeClock, systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/silent-log.ts';
import { TurnStand } from '../turn/testing/turn-stand.ts';
import { type Offer, type OfferedSession, OfferRoutes } from '../webrtc/offer-routes.ts';
import { KEEP_ALIVE_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from './patience.ts';
import { SecureListener } from './secure-listener.ts';
import { sendStored } from './send-stored.ts';
import { ask, becomes, HttpsStand, MEDIA } from './testing/https-stand.ts';

let stand: HttpsStand;

beforeAll(async () => {
  stand = await HttpsStand.start();
});
afterEach(() => stand.clear());
afterAll(() => stand[Symbol.asyncDispose]());

test('a player that hangs up in mid-wait is noticed', async () => {
  const closed = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const { origin } = await stand.serve({
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
  const stream = stand.session(origin).request({ ':path': '/held' });
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
  const { origin } = await stand.serve({
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
  const stream = stand.session(origin).request({ ':path': '/file' });
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
  const { origin, http } = await stand.serve({ handlers: [offers] });
  const stream = stand.session(origin).request({ ':path': '/whip/one', ':method': 'POST', 'content-type': 'application/sdp' });
  stream.on('error', () => {});
  stream.end('v=0');
  await becomes(() => taken.length === 1);
  stream.close(constants.NGHTTP2_CANCEL);
  await becomes(() => taken[0]?.aborted === true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(http.counters).toMatchObject({ requests: 1, failures: 0 });
});

test('who says nothing after the handshake is let go, and garbage does no harm', async () => {
  const clock = new FakeClock();
  await using relay = await TurnStand.start();
  const { port, https } = await stand.serve({}, clock, relay.server);
  const connected = async () => {
    const socket = connectTls({ host: '127.0.0.1', port, ca: stand.ca });
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
  const { origin, http } = await stand.serve({ handlers: [{ handle: () => true }] });
  const attacker = stand.session(origin);
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
  const other = stand.session(origin);
  await new Promise((resolve) => other.once('connect', resolve));
  expect(await new Promise((resolve) => other.ping((error) => resolve(error)))).toBeNull();
});

test('headers beyond 16 KiB are refused before a route sees them', async () => {
  const { origin, http } = await stand.serve();
  expect((await ask(stand.session(origin), { ':path': '/media', 'x-long': 'a'.repeat(20_000) })).headers[':status']).toBe(431);
  await expect(ask(stand.session(origin), { ':path': '/media', 'x-long': 'a'.repeat(60_000), 'x-longer': 'a'.repeat(60_000) })).rejects.toThrow();
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`x-${i}`, '1']));
  await expect(ask(stand.session(origin), { ':path': '/media', ...many })).rejects.toThrow();
  expect(http.counters.requests).toBe(0);
});

test('a session without requests is let go, whatever else it sends, and a body that never ends as well', async () => {
  const clock = new FakeClock();
  const { origin, http } = await stand.serve({ fallback: () => {} }, clock);
  const idle = stand.session(origin);
  const ended = new Promise((resolve) => idle.once('close', resolve));
  await new Promise((resolve) => idle.once('connect', resolve));
  await becomes(() => http.http2Counters.sessions === 1);
  clock.advance(KEEP_ALIVE_TIMEOUT_MS - 1);
  expect(await new Promise((resolve) => idle.ping((error) => resolve(error)))).toBeNull();
  clock.advance(1);
  await ended;
  const slow = stand.session(origin).request({ ':path': '/', ':method': 'POST' });
  const cut = new Promise((resolve) => slow.once('close', resolve));
  slow.on('error', () => {});
  slow.write('{');
  await becomes(() => http.counters.requests === 1);
  clock.advance(REQUEST_TIMEOUT_MS);
  await cut;
  expect(http.http2Counters).toMatchObject({ idled: 1, slowRequests: 1 });
});

test('bytes that are no TLS are turned away, and the port in use is named with its key', async () => {
  const { port, https } = await stand.serve();
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  expect(https.counters.turnedAway).toBe(1);
  const second = new SecureListener({
    host: '127.0.0.1',
    port,
    certificate: stand.certificates.current(),
    http: { adopt() {} },
    turn: undefined,
    clock: systemClock,
    log: silentLog,
  });
  await expect(second.start()).rejects.toThrow(`Port ${port} for HTTPS is in use by another program. Stop that program or choose another port with HTTPS_PORT.`);
});
