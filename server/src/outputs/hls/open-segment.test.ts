/** The segment that is being made, over a real server: what arrives when, how it ends, and who is not waited for. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import type { Packager } from '../cmaf/packager.ts';
import { PackagerRegistry } from '../cmaf/registry.ts';
import type { Rendition } from '../cmaf/rendition.ts';
import { NOWHERE_ELSE, OPEN_GATE, serve, type TestHttp } from '../record/testing/http.ts';
import { HlsRoutes } from './routes.ts';
import { EPOCH, TestBroadcast } from './testing/test-broadcast.ts';

const clock = new FakeClock();
let broadcast: TestBroadcast;
let packager: Packager;
let hls: HlsRoutes;
let http: TestHttp;

function sendFrames(count: number, bytes?: number): void {
  broadcast.send(count, bytes);
}

/** Until the event loop has made it so: the requests come over a real connection. */
async function turned(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

function video(): Rendition {
  const rendition = packager.rendition('video');
  if (!rendition) throw new Error('nothing is packaged');
  return rendition;
}

function bytesOf(msn: number): Buffer {
  return Buffer.concat(video().findSegment(msn)?.bodies ?? []);
}

function url(msn: number): string {
  return `${http.base}/hls/stream/video/${EPOCH}-${msn}.m4s`;
}

beforeEach(async () => {
  broadcast = new TestBroadcast(clock);
  packager = broadcast.packager;
  const registry = new PackagerRegistry({ clock });
  registry.set('stream', packager);
  hls = new HlsRoutes({ registry, gate: OPEN_GATE, elsewhere: NOWHERE_ELSE, clock });
  http = await serve(hls);
});

afterEach(() => http[Symbol.asyncDispose]());

test('parts arrive as they are made, and the answer ends with the segment', async () => {
  sendFrames(61);
  const answer = await fetch(url(4));
  expect([answer.status, answer.headers.get('transfer-encoding'), answer.headers.get('content-length'), answer.headers.get('cache-control')]).toEqual([
    200,
    'chunked',
    null,
    'no-store',
  ]);
  const reader = answer.body?.getReader();
  const received: Uint8Array[] = [];
  const total = (): number => received.reduce((sum, piece) => sum + piece.length, 0);
  for (let parts = 2; parts <= 9; parts++) {
    expect(video().open).toMatchObject({ msn: 4, complete: false });
    const made = video().open.bytes;
    while (total() < made) received.push((await reader?.read())?.value ?? new Uint8Array());
    expect(total()).toBe(made);
    sendFrames(5);
  }
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) received.push(piece.value);
  // The next segment has no part yet: the end did not wait for it.
  expect(video().open).toMatchObject({ msn: 5, parts: [] });
  expect(Buffer.concat(received)).toEqual(bytesOf(4));
  expect(hls.counters).toMatchObject({ open: 0, cut: 0, blocked: 0 });
  expect(video().waiting).toBe(0);
});

test('once complete, the same address is answered whole, to be kept', async () => {
  sendFrames(101);
  const answer = await fetch(url(4));
  expect([answer.headers.get('cache-control'), answer.headers.get('content-length')]).toEqual(['public, max-age=86400, immutable', String(bytesOf(4).length)]);
});

test('the next segment is held until its first part is there', async () => {
  sendFrames(61);
  const next = fetch(url(5));
  await turned(() => hls.counters.blocked === 1);
  sendFrames(46);
  const answer = await next;
  expect(answer.status).toBe(200);
  packager.end();
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytesOf(5));
});

test('HEAD does not wait for the end, and a Range of it is answered with all of it', async () => {
  sendFrames(61);
  const head = await fetch(url(4), { method: 'HEAD' });
  expect([head.status, head.headers.get('content-type'), head.headers.get('content-length')]).toEqual([200, 'video/mp4', null]);
  const range = await fetch(url(4), { headers: { Range: 'bytes=10-19' } });
  expect([range.status, range.headers.get('accept-ranges')]).toEqual([200, 'none']);
  sendFrames(45);
  expect(Buffer.from(await range.arrayBuffer())).toEqual(bytesOf(4));
});

test('many readers of one segment all get all of it', async () => {
  sendFrames(61);
  const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(url(4))));
  expect(hls.counters.open).toBe(20);
  sendFrames(45);
  for (const answer of answers) expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytesOf(4));
});

test.each([6, 7, 999_999, 2, 0])('number %i is not there', async (msn) => {
  sendFrames(61);
  expect((await fetch(url(msn))).status).toBe(404);
});

test('a publisher that leaves ends the answer, and what was asked for next is not found after its return', async () => {
  sendFrames(61);
  const open = await fetch(url(4));
  const next = fetch(url(5));
  await turned(() => hls.counters.blocked === 1);
  packager.pause();
  expect(Buffer.from(await open.arrayBuffer())).toEqual(bytesOf(4));
  broadcast.resume(100);
  sendFrames(10);
  expect(video().open).toMatchObject({ msn: 5, discontinuity: true });
  expect((await next).status).toBe(404);
});

test('the end of the broadcast ends every answer', async () => {
  sendFrames(61);
  const open = await fetch(url(4));
  const next = fetch(url(5));
  await turned(() => hls.counters.blocked === 1);
  packager.end();
  expect(Buffer.from(await open.arrayBuffer())).toEqual(bytesOf(4));
  expect((await next).status).toBe(404);
});

test('a player that hangs up leaves nothing behind', async () => {
  sendFrames(61);
  const hangUp = new AbortController();
  await fetch(url(4), { signal: hangUp.signal });
  expect([hls.counters.open, video().waiting]).toEqual([1, 2]);
  hangUp.abort();
  await turned(() => hls.counters.open === 0);
  expect(video().waiting).toBe(0);
  sendFrames(45);
  expect(hls.counters).toMatchObject({ open: 0, cut: 0 });
});

test('a player that takes nothing holds one part at most, and is cut after ten seconds', async () => {
  sendFrames(61);
  const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
  const request = get(url(4), resolve);
  const answer = await promise;
  answer.pause();
  const broken = once(answer, 'error');
  // More than the buffers of a connection hold.
  sendFrames(30, 4_000_000);
  const sent = hls.counters.bytes;
  expect(sent).toBeLessThan(video().open.bytes / 2);
  await turned(() => {
    clock.advance(1000);
    return hls.counters.cut === 1;
  });
  expect([hls.counters.bytes < video().open.bytes, hls.counters.open]).toEqual([true, 1]);
  await turned(() => hls.counters.open === 0);
  answer.resume();
  expect((await broken)[0]).toMatchObject({ code: 'ECONNRESET' });
  request.destroy();
});
