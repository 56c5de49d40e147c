/** The HTTP side of LL-HLS over a real server: what is held, what is refused, and what an answer carries. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import type { PlaybackDecision } from '../../stream/playback-gate.ts';
import type { Packager } from '../cmaf/packager.ts';
import { PackagerRegistry } from '../cmaf/registry.ts';
import { DashRoutes } from '../dash/routes.ts';
import { serve, type TestHttp } from '../record/testing/http.ts';
import { HlsRoutes } from './routes.ts';
import { EPOCH, TestBroadcast } from './testing/test-broadcast.ts';

const clock = new FakeClock();
let broadcast: TestBroadcast;
let packager: Packager;
let registry: PackagerRegistry;
let hls: HlsRoutes;
let http: TestHttp;
let base: string;
let isElsewhere: boolean;
let decision: PlaybackDecision | Promise<PlaybackDecision>;

function sendFrames(count: number): void {
  broadcast.send(count);
}

/** Until `count` requests wait: the event that a test of waiting needs. */
async function blocked(count: number): Promise<void> {
  while (hls.counters.blocked !== count) await new Promise((resolve) => setImmediate(resolve));
}

beforeEach(async () => {
  decision = 'allowed';
  isElsewhere = false;
  broadcast = new TestBroadcast(clock);
  packager = broadcast.packager;
  registry = new PackagerRegistry({ clock });
  registry.set('stream', packager);
  const deps = { registry, gate: { check: () => decision }, elsewhere: { isLive: async () => isElsewhere }, clock };
  hls = new HlsRoutes(deps);
  http = await serve(hls, new DashRoutes(deps));
  base = http.base;
});

afterEach(() => http[Symbol.asyncDispose]());

test('the first request of a broadcast is held until a player can start', async () => {
  const answer = fetch(`${base}/hls/stream/index.m3u8`);
  await blocked(1);
  sendFrames(40);
  const text = await (await answer).text();
  expect(text).toContain('CODECS="avc1.64001f",RESOLUTION=640x360,FRAME-RATE=25.000');
});

test('a stream without media is not live after five seconds', async () => {
  const answer = fetch(`${base}/hls/other/index.m3u8`);
  await blocked(1);
  clock.advance(5000);
  const { status, headers } = await answer;
  expect([status, headers.get('retry-after')]).toEqual([404, '2']);
});

test('a stream that is live on another server is said to be there', async () => {
  isElsewhere = true;
  const playlist = fetch(`${base}/hls/other/index.m3u8`);
  await blocked(1);
  clock.advance(5000);
  for (const answer of [await playlist, await fetch(`${base}/dash/other/manifest.mpd`)]) {
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '10']);
    expect(await answer.json()).toMatchObject({ code: 'on_another_server' });
  }
});

test('a reload waits for its part, and a hinted part is held until it is whole', async () => {
  sendFrames(61);
  const { hint } = packager.rendition('video') ?? {};
  expect(hint).toBe(`${EPOCH}-4.2.m4s`);
  const reload = fetch(`${base}/hls/stream/video/index.m3u8?_HLS_msn=4&_HLS_part=2`);
  const part = fetch(`${base}/hls/stream/video/${hint}`);
  await blocked(2);
  sendFrames(5);
  expect(await (await reload).text()).toContain(`URI="${hint}"`);
  const { status, headers } = await part;
  expect([status, headers.get('cache-control'), headers.get('access-control-allow-origin')]).toEqual([200, 'public, max-age=86400, immutable', '*']);
  expect(hls.counters.blocked).toBe(0);
});

test('a reload that waits for three target durations is answered 503', async () => {
  sendFrames(61);
  const reload = fetch(`${base}/hls/stream/video/index.m3u8?_HLS_msn=5`);
  await blocked(1);
  clock.advance(30_000);
  expect((await reload).status).toBe(503);
});

test.each([
  ['?_HLS_part=1', 400],
  ['?_HLS_msn=abc', 400],
  ['?_HLS_msn=7', 400],
  ['?_HLS_msn=4&_HLS_part=99', 400],
  ['?_HLS_msn=3&_HLS_part=99', 200],
  ['?_HLS_skip=maybe', 400],
])('directives %s are answered %i', async (query, status) => {
  sendFrames(61);
  expect((await fetch(`${base}/hls/stream/video/index.m3u8${query}`)).status).toBe(status);
});

test.each(['_HLS_msn=999&_HLS_part=3', '_HLS_part=3', '_HLS_msn=abc', '_HLS_skip=maybe', '_HLS_skip=YES'])('%s is ignored once the broadcast is over', async (query) => {
  sendFrames(61);
  packager.end();
  const answer = await fetch(`${base}/hls/stream/video/index.m3u8?${query}`);
  const text = await answer.text();
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-cache']);
  expect(text).toContain('#EXT-X-ENDLIST');
  expect(text).not.toMatch(/PRELOAD-HINT|EXT-X-SKIP/);
});

test('an ended broadcast leaves after a minute', () => {
  sendFrames(61);
  packager.end();
  clock.advance(59_000);
  expect(registry.get('stream')).toBe(packager);
  clock.advance(2000);
  expect(registry.get('stream')).toBeUndefined();
});

test('the token of the query is on every URI that a playlist lists', async () => {
  sendFrames(111);
  for (const path of ['index.m3u8', 'video/index.m3u8']) {
    const text = await (await fetch(`${base}/hls/stream/${path}?token=a%26b`)).text();
    const uris = [...text.matchAll(/URI="([^"]+)"/g)].map((match) => match[1]).concat(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')));
    expect(uris.length).toBeGreaterThan(0);
    for (const uri of uris) expect(uri).toMatch(/\?token=a%26b$/);
  }
  expect(await (await fetch(`${base}/dash/stream/manifest.mpd?token=a%26b`)).text()).toContain('$Number$.m4s?token=a%26b"');
});

test('a token that nobody needs is not carried on: whoever makes one up shares what all others are given', async () => {
  decision = 'open';
  sendFrames(111);
  for (const path of ['/hls/stream/index.m3u8', '/hls/stream/video/index.m3u8', '/dash/stream/manifest.mpd']) {
    const [plain, withToken] = await Promise.all([fetch(base + path), fetch(`${base}${path}?token=made-up`)]);
    expect(await withToken.text()).toBe(await plain.text());
    expect(withToken.headers.get('cache-control')).toBe('private, no-cache');
  }
});

test('a manifest is made once for all who ask before something changes, and comes compressed', async () => {
  sendFrames(111);
  // Long enough to be worth it.
  const ask = () => fetch(`${base}/dash/stream/manifest.mpd?token=${'t'.repeat(800)}`);
  const first = await ask();
  expect([first.headers.get('content-encoding'), first.headers.get('vary')]).toEqual(['gzip', 'Accept-Encoding']);
  const text = await first.text();
  clock.advance(150);
  // It would tell another publishTime.
  expect(await (await ask()).text()).toBe(text);
  sendFrames(5);
  expect(await (await ask()).text()).not.toBe(text);
});

test('segments are the sum of their parts, and come whole, by range and by HEAD', async () => {
  sendFrames(61);
  const url = `${base}/hls/stream/video/${EPOCH}-3`;
  const whole = new Uint8Array(await (await fetch(`${url}.m4s`)).arrayBuffer());
  const parts = await Promise.all(
    (packager.rendition('video')?.findSegment(3)?.parts ?? []).map(async (part, i) => [part, await (await fetch(`${url}.${i}.m4s`)).bytes()] as const),
  );
  expect(Buffer.concat(parts.map(([, bytes]) => bytes))).toEqual(Buffer.from(whole));
  const range = await fetch(`${url}.m4s`, { headers: { Range: 'bytes=100-999' } });
  expect([range.status, range.headers.get('content-range')]).toEqual([206, `bytes 100-999/${whole.length}`]);
  expect(Buffer.from(await range.arrayBuffer())).toEqual(Buffer.from(whole.subarray(100, 1000)));
  expect((await fetch(`${url}.m4s`, { headers: { Range: `bytes=${whole.length}-` } })).status).toBe(416);
  const head = await fetch(`${url}.m4s`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(whole.length)]);
});

/** Path, type, what shared caches may do with it, and what a cache may do that is the asker's own. */
const KINDS: readonly (readonly [path: string, type: string, shared: string, own: string])[] = [
  ['/hls/stream/index.m3u8', 'application/vnd.apple.mpegurl', 'no-cache', 'private, no-cache'],
  ['/hls/stream/video/index.m3u8', 'application/vnd.apple.mpegurl', 'no-cache', 'private, no-cache'],
  ['/hls/stream/video/index.m3u8?_HLS_msn=4&_HLS_part=0', 'application/vnd.apple.mpegurl', 'public, max-age=6', 'private, max-age=6'],
  [`/hls/stream/video/${EPOCH}-init-0.mp4`, 'video/mp4', 'public, max-age=86400, immutable', 'private, max-age=86400, immutable'],
  [`/hls/stream/video/${EPOCH}-3.m4s`, 'video/mp4', 'public, max-age=86400, immutable', 'private, max-age=86400, immutable'],
  [`/hls/stream/video/${EPOCH}-3.1.m4s`, 'video/mp4', 'public, max-age=86400, immutable', 'private, max-age=86400, immutable'],
  ['/dash/stream/manifest.mpd', 'application/dash+xml', 'no-cache', 'private, no-cache'],
  ['/dash/time', 'text/plain', 'no-store', 'no-store'],
];

test.each(KINDS)('%s goes to pages of every origin, by GET and HEAD, and caches know what to do with it', async (path, type, shared, own) => {
  sendFrames(111);
  const [get, head] = [await fetch(base + path), await fetch(base + path, { method: 'HEAD' })];
  const bytes = await get.bytes();
  expect(bytes.length).toBeGreaterThan(0);
  expect((await head.bytes()).length).toBe(0);
  for (const { status, headers } of [get, head]) {
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([200, type, shared]);
    expect([headers.get('access-control-allow-origin'), headers.has('access-control-allow-credentials')]).toEqual(['*', false]);
    for (const name of ['Content-Length', 'Content-Range', 'Date', 'Retry-After']) expect(headers.get('access-control-expose-headers')).toContain(name);
  }
  const asOwner = await fetch(base + path, { headers: { Cookie: 'session=1' } });
  expect(asOwner.headers.get('cache-control')).toBe(own);
  await asOwner.bytes();
  const preflight = await fetch(base + path, { method: 'OPTIONS' });
  expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([204, 'GET, HEAD, OPTIONS']);
  for (const name of ['Authorization', 'Range']) expect(preflight.headers.get('access-control-allow-headers')).toContain(name);
  const post = await fetch(base + path, { method: 'POST' });
  expect([post.status, post.headers.get('allow'), post.headers.get('access-control-allow-origin')]).toEqual([405, 'GET, HEAD, OPTIONS', '*']);
});

test('a Range is served of whole files, and a refusal may be read by pages and kept by nobody', async () => {
  sendFrames(61);
  for (const file of [`${EPOCH}-init-0.mp4`, `${EPOCH}-3.1.m4s`]) {
    const whole = await (await fetch(`${base}/hls/stream/video/${file}`)).bytes();
    const end = await fetch(`${base}/hls/stream/video/${file}`, { headers: { Range: 'bytes=-5' } });
    expect([end.status, end.headers.get('content-range'), end.headers.get('content-length')]).toEqual([206, `bytes ${whole.length - 5}-${whole.length - 1}/${whole.length}`, '5']);
    expect(await end.bytes()).toEqual(whole.subarray(-5));
  }
  for (const path of ['/hls/stream/video/index.m3u8?_HLS_part=1', '/hls/stream/video/none.m4s', '/hls/stream/sound/index.m3u8', '/dash/stream/other.mpd']) {
    const { status, headers } = await fetch(base + path);
    expect(status).toBeGreaterThanOrEqual(400);
    expect([headers.get('access-control-allow-origin'), headers.get('cache-control'), headers.get('content-type')]).toEqual(['*', 'no-store', 'application/problem+json']);
    expect(headers.get('access-control-expose-headers')).toContain('Retry-After');
  }
});

test('who hangs up while it is asked whether they may watch leaves nothing behind', async () => {
  sendFrames(61);
  const { promise, resolve } = Promise.withResolvers<PlaybackDecision>();
  decision = promise;
  const hangUp = new AbortController();
  const asked = Promise.all(
    [`/hls/stream/video/${EPOCH}-4.m4s`, '/hls/stream/video/index.m3u8?_HLS_msn=5'].map((path) => fetch(base + path, { signal: hangUp.signal }).catch(() => 'gone')),
  );
  while (hls.counters.responses < 2) await new Promise((done) => setImmediate(done));
  hangUp.abort();
  expect(await asked).toEqual(['gone', 'gone']);
  while ((await http.connections()) > 0) await new Promise((done) => setImmediate(done));
  resolve('allowed');
  await promise;
  await new Promise((done) => setImmediate(done));
  expect([hls.counters.open, hls.counters.blocked, packager.rendition('video')?.waiting]).toEqual([0, 0, 0]);
});

test.each<[PlaybackDecision, number, string]>([
  ['hidden', 404, 'stream_not_found'],
  ['denied', 401, 'playback_not_allowed'],
])('an asker for whom the stream is %s gets %i', async (decided, status, code) => {
  sendFrames(61);
  decision = decided;
  for (const path of ['/hls/stream/index.m3u8', `/hls/stream/video/${EPOCH}-3.m4s`, '/dash/stream/manifest.mpd']) {
    const answer = await fetch(base + path);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ code });
  }
});

test.each(['/hls/stream/video/other-3.m4s', `/hls/stream/video/${EPOCH}-2.m4s`, `/hls/stream/video/${EPOCH}-4.9.m4s`, '/hls/stream/sound/index.m3u8'])(
  '%s is not there',
  async (path) => {
    sendFrames(61);
    expect((await fetch(base + path)).status).toBe(404);
  },
);

test.each([{ headers: { Cookie: 'session=1' } }, { headers: { Authorization: 'Bearer x' } }])('shared caches keep nothing that was asked for with %o', async (init) => {
  sendFrames(61);
  const answer = await fetch(`${base}/hls/stream/video/${EPOCH}-3.m4s`, init);
  expect(answer.headers.get('cache-control')).toMatch(/^private/);
});
