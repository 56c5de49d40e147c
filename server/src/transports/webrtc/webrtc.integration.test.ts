/** WHIP and WHEP to the letter, with a real client of the library over HTTP and UDP. */
import { readRtpPacket } from '@millrace/media/rtp/packet';
import { writeReceiverReport } from '@millrace/media/rtp/rtcp-write';
import { expect, test, vi } from 'vitest';
import { OpenApiRecorder } from '../../lib/testing/openapi-recorder.ts';
import type { TrackSource } from '../../outputs/whep/track-source.ts';
import type { Sink } from '../../stream/sink.ts';
import { picture, SMALL_VIDEO, smallPicture, VIDEO } from '../../stream/testing/source.ts';
import { TestPeer } from './testing/peer.ts';
import { opus, publishSound } from './testing/sound.ts';
import { Stand, type StandOptions } from './testing/stand.ts';

const SDP = { 'content-type': 'application/sdp' };
const FRAGMENT = { 'content-type': 'application/trickle-ice-sdpfrag' };

const recorder = new OpenApiRecorder({ part: 'offers' });

function stand(options?: StandOptions): Promise<Stand> {
  return new Stand({ ...options, recorder }).start();
}

/** A receiver report on this source. */
function report(ssrc: number): Uint8Array {
  return writeReceiverReport(1, [{ ssrc, fractionLost: 0, cumulativeLost: 0, highestSequence: 1, jitter: 0, lastReport: 0, delaySinceLastReport: 0 }]);
}

/** What its packets come from. */
function sourceOf({ received }: TestPeer): number {
  return readRtpPacket(received.find((packet) => packet[1] === 111) ?? new Uint8Array()).ssrc;
}

async function codeOf(response: Response): Promise<unknown> {
  const problem: { readonly code?: unknown } = await response.json();
  return problem.code;
}

test('an offer is answered with all that RFC 9725 asks for', async () => {
  await using world = await stand({ iceServers: [{ urls: ['turn:relay.example:3478'], username: 'u', credential: 'c' }, { urls: ['stun:relay.example:3478'] }] });
  using peer = new TestPeer({ direction: 'sendonly' });
  const response = await world.post('/whip/one', peer.offer, 'key-one');
  expect(response.status).toBe(201);
  expect(response.headers.get('content-type')).toBe('application/sdp');
  expect(response.headers.get('location')).toMatch(/^\/whip\/one\/id\d+$/);
  expect(response.headers.get('etag')).toMatch(/^"id\d+"$/);
  expect(response.headers.get('link')).toBe(
    '<turn:relay.example:3478>; rel="ice-server"; username="u"; credential="c"; credential-type="password", <stun:relay.example:3478>; rel="ice-server"',
  );
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  for (const name of ['Location', 'Link', 'ETag']) expect(response.headers.get('access-control-expose-headers')).toContain(name);
  const answer = await response.text();
  expect(answer).toContain('a=group:BUNDLE v a');
  expect(answer).toContain('a=recvonly');
  expect(answer).toMatch(/a=candidate:1 1 udp \d+ 127\.0\.0\.1 \d+ typ host\r\n/);
  expect(answer).toContain('a=end-of-candidates');
});

test('what is wrong with a request is said with the status that fits', async () => {
  await using world = await stand({ secondPublisher: 'refuse' });
  using peer = new TestPeer({ direction: 'sendonly' });
  const { offer } = peer;
  const cases: readonly (readonly [number, string, Response | Promise<Response>])[] = [
    [401, 'stream_key_refused', world.post('/whip/one', offer)],
    [401, 'stream_key_refused', world.post('/whip/one', offer, 'wrong')],
    [404, 'stream_not_found', world.post('/whip/two', offer, 'key-one')],
    [415, 'sdp_expected', world.fetch('/whip/one', { method: 'POST', body: offer, headers: { authorization: 'Bearer key-one' } })],
    [400, 'sdp_malformed', world.post('/whip/one', 'hello', 'key-one')],
    [400, 'sdp_malformed', world.post('/whip/one', offer.replaceAll(/a=ice-pwd:.*\r\n/g, ''), 'key-one')],
    [400, 'sdp_malformed', world.post('/whip/one', offer.replaceAll(/a=fingerprint:.*\r\n/g, ''), 'key-one')],
    [400, 'sdp_malformed', world.post('/whip/one', offer.replaceAll(/a=fingerprint:.*/g, 'a=fingerprint:sha-256 AA:BB'), 'key-one')],
    [400, 'sdp_malformed', world.post('/whip/one', offer.replaceAll(/a=setup:.*/g, 'a=setup:holdconn'), 'key-one')],
    [400, 'sdp_malformed', world.post('/whip/one', offer.replaceAll('a=rtcp-mux\r\n', ''), 'key-one')],
    [406, 'no_common_codec', world.post('/whip/one', offer.replaceAll('H264', 'H263').replaceAll('opus', 'speex'), 'key-one')],
    [406, 'no_common_codec', world.post('/whip/one', offer.replaceAll('a=sendonly', 'a=recvonly'), 'key-one')],
    [413, 'body_too_large', world.post('/whip/one', `${offer}${'a=x\r\n'.repeat(60_000)}`, 'key-one')],
    [405, 'method_not_allowed', world.fetch('/whip/one')],
    [405, 'method_not_allowed', world.fetch('/whip/one', { method: 'DELETE' })],
    [404, 'session_not_found', world.fetch('/whip/one/nothing', { method: 'DELETE' })],
    [404, 'not_found', world.fetch('/whip/one/a/b')],
    [409, 'no_publisher', world.post('/whep/one', offer)],
    [404, 'stream_not_found', world.post('/whep/unknown', offer)],
    [401, 'playback_not_allowed', world.post('/whep/private', offer)],
  ];
  for (const [status, code, answer] of cases) {
    const response = await answer;
    expect([response.status, await codeOf(response)]).toEqual([status, code]);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  }
  expect((await world.post('/whep/one', offer)).headers.get('retry-after')).toBe('2');
  world.elsewhere.add('one');
  const there = await world.post('/whep/one', offer);
  expect([there.status, await codeOf(there), there.headers.get('retry-after')]).toEqual([503, 'on_another_server', '10']);
  expect(world.transport.counters).toMatchObject({ opened: 0, sessions: 0 });
});

test('an offer that never ends is refused as soon as it is too long', async () => {
  await using world = await stand();
  let pieces = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (++pieces < 1_000) controller.enqueue(new TextEncoder().encode('a=x\r\n'.repeat(2_000)));
      else controller.close();
    },
  });
  const endless = { method: 'POST', body, headers: { ...SDP, authorization: 'Bearer key-one' }, duplex: 'half' };
  const response = await world.fetch('/whip/one', endless);
  expect(response.status).toBe(413);
  expect(pieces).toBeLessThan(500);
});

test('OPTIONS tells what is taken, to browsers of every origin', async () => {
  await using world = await stand();
  const endpoint = await world.fetch('/whip/one', { method: 'OPTIONS' });
  expect(endpoint.status).toBe(204);
  expect(endpoint.headers.get('accept-post')).toBe('application/sdp');
  expect(endpoint.headers.get('access-control-allow-methods')).toBe('POST, OPTIONS');
  expect(endpoint.headers.get('access-control-allow-headers')).toContain('If-Match');
  expect((await world.fetch('/whep/one/x', { method: 'OPTIONS' })).headers.get('access-control-allow-methods')).toBe('PATCH, DELETE, OPTIONS');
  await world.fetch('/whip/one/x', { method: 'OPTIONS' });
  await world.fetch('/whep/one', { method: 'OPTIONS' });
});

test('PATCH takes candidates of the session that is meant, and no restart', async () => {
  await using world = await stand();
  using peer = new TestPeer({ direction: 'sendonly' });
  const response = await world.post('/whip/one', peer.offer, 'key-one');
  const path = response.headers.get('location') ?? '';
  const etag = response.headers.get('etag') ?? '';
  const ufrag = /a=ice-ufrag:(\S+)/.exec(peer.offer)?.[1] ?? '';
  const fragment = (name: string) => `a=ice-ufrag:${name}\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:v\r\na=end-of-candidates\r\n`;
  const patch = (headers: Record<string, string>, body = fragment(ufrag)) =>
    world.fetch(path, { method: 'PATCH', body, headers: { authorization: 'Bearer key-one', ...FRAGMENT, ...headers } });
  expect((await patch({ 'if-match': etag })).status).toBe(204);
  expect((await patch({})).status).toBe(428);
  expect((await patch({ 'if-match': '"other"' })).status).toBe(412);
  expect((await patch({ 'if-match': '*' }, fragment('anew'))).status).toBe(422);
  expect((await patch({ 'if-match': etag }, fragment('anew'))).status).toBe(422);
  expect((await patch({ 'if-match': etag }, 'm=\r\nnonsense')).status).toBe(400);
  expect((await patch({ 'if-match': etag, ...SDP })).status).toBe(415);
  expect((await world.fetch(path, { method: 'PATCH', body: fragment(ufrag), headers: { ...FRAGMENT, 'if-match': etag } })).status).toBe(401);
  expect((await world.fetch(path.replace('one', 'two'), { method: 'DELETE', headers: { authorization: 'Bearer key-one' } })).status).toBe(404);
});

test('sound goes from a publisher through the hub to a viewer, and DELETE ends both', async () => {
  await using world = await stand();
  const { peer, response } = await publishSound(world);
  using publisher = peer;
  for (let i = 0; i < 20; i++) publisher.send(opus(i));
  // Reports come back for what arrived.
  await publisher.until(({ received }) => received.some((packet) => packet[1] === 201));
  expect(world.hub.get('one')?.broadcast.state).toBe('live');
  expect(world.hub.get('one')?.publisher?.protocol).toBe('whip');
  using viewer = new TestPeer({ direction: 'recvonly', video: false });
  viewer.answer(await (await world.post('/whep/one', viewer.offer)).text());
  await viewer.open;
  let sequence = 20;
  const speak = setInterval(() => publisher.send(opus(sequence++)), 20);
  await viewer.until(({ received }) => received.some((packet) => packet[1] === 200) && received.filter((packet) => (packet[1] ?? 0) === 111).length >= 10);
  clearInterval(speak);
  expect(world.whep.counters.viewers).toBe(1);
  await world.fetch(response.headers.get('location') ?? '', { method: 'DELETE', headers: { authorization: 'Bearer key-one' } });
  expect(world.hub.get('one')?.broadcast.state).toBe('reconnecting');
  world.hub.stop('one', 'stopped');
  // Goodbye, and then nothing.
  await viewer.until(({ received }) => received.some((packet) => packet[1] === 203));
  expect(world.whep.counters.viewers).toBe(0);
  expect(world.transport.counters.sessions).toBe(0);
});

test('who reports what it receives is a viewer, but for one that says that it is counted elsewhere', async () => {
  await using world = await stand();
  const { peer } = await publishSound(world);
  using publisher = peer;
  for (let i = 0; i < 20; i++) publisher.send(opus(i));
  await publisher.until(({ received }) => received.some((packet) => packet[1] === 201));
  using counted = new TestPeer({ direction: 'recvonly', video: false });
  const response = await world.post('/whep/one', counted.offer);
  counted.answer(await response.text());
  await counted.open;
  using known = new TestPeer({ direction: 'recvonly', video: false });
  known.answer(await (await world.post('/whep/one?viewer=visitor-1', known.offer)).text());
  await known.open;
  let sequence = 20;
  const speak = setInterval(() => publisher.send(opus(sequence++)), 20);
  for (const viewer of [counted, known]) await viewer.until(({ received }) => received.some((packet) => packet[1] === 200) && received.some((packet) => packet[1] === 111));
  clearInterval(speak);
  expect(world.whep.counters.viewers).toBe(2);
  // Its consent alone may be that of anybody who keeps a port open.
  const stranger = report(7);
  counted.send(stranger);
  expect(world.visits).toEqual([]);
  counted.send(report(sourceOf(counted)));
  known.send(report(sourceOf(known)));
  counted.send(stranger);
  await vi.waitUntil(() => (world.visits[0]?.beats ?? 0) >= 2, 10_000);
  expect(world.visits).toMatchObject([{ streamId: 'one' }]);
  const path = response.headers.get('location') ?? '';
  const trickled = { method: 'PATCH', body: 'a=end-of-candidates\r\n', headers: { ...FRAGMENT, 'if-match': response.headers.get('etag') ?? '' } };
  expect((await world.fetch(path, trickled)).status).toBe(204);
  await world.fetch(path, { method: 'DELETE' });
  expect(world.whep.counters.viewers).toBe(1);
  expect(world.visits).toEqual([]);
});

test('viewers of a stream that is no longer for everybody are sent away, and who may watch is let in again', async () => {
  await using world = await stand();
  const { peer } = await publishSound(world);
  using publisher = peer;
  for (let i = 0; i < 20; i++) publisher.send(opus(i));
  await publisher.until(({ received }) => received.some((packet) => packet[1] === 201));
  using viewer = new TestPeer({ direction: 'recvonly', video: false });
  viewer.answer(await (await world.post('/whep/one', viewer.offer)).text());
  await viewer.open;
  let sequence = 20;
  const speak = setInterval(() => publisher.send(opus(sequence++)), 20);
  await viewer.until(({ received }) => received.some((packet) => packet[1] === 111));
  clearInterval(speak);
  world.whep.dismiss('two');
  expect(world.whep.counters.viewers).toBe(1);
  world.whep.dismiss('one');
  await viewer.until(({ received }) => received.some((packet) => packet[1] === 203));
  expect(world.whep.counters.viewers).toBe(0);
  using again = new TestPeer({ direction: 'recvonly', video: false });
  expect((await world.post('/whep/one', again.offer)).status).toBe(201);
});

test('who waits for the tracks of a stream that becomes private meanwhile is not let in', async () => {
  const opened = Promise.withResolvers<Sink>();
  const source: TrackSource = {
    open(_stream, sink) {
      opened.resolve(sink);
      return { requestKeyFrame() {}, close() {} };
    },
  };
  await using world = await stand({ source });
  const nobody = { protocol: 'test', remoteAddress: '', onEvicted() {} };
  world.hub.publish({ streamId: 'one', start: 'auto', secondPublisher: 'takeover', publisher: nobody })?.tracks([VIDEO]);
  using viewer = new TestPeer({ direction: 'recvonly', audio: false });
  const answer = world.post('/whep/one', viewer.offer);
  const sink = await opened.promise;
  world.refused.add('one');
  world.whep.dismiss('one');
  sink.tracks([VIDEO]);
  expect([(await answer).status, await codeOf(await answer)]).toEqual([401, 'playback_not_allowed']);
  expect(world.transport.counters).toMatchObject({ opened: 0, sessions: 0 });
});

test('a viewer learns the sizes of the picture and chooses one', async () => {
  await using world = await stand();
  const nobody = { protocol: 'test', remoteAddress: '', onEvicted() {} };
  const publication = world.hub.publish({ streamId: 'one', start: 'auto', secondPublisher: 'takeover', publisher: nobody });
  publication?.tracks([VIDEO, SMALL_VIDEO]);
  using viewer = new TestPeer({ direction: 'recvonly', audio: false });
  const response = await world.post('/whep/one', viewer.offer);
  const path = `${response.headers.get('location')}/layer`;
  expect(response.headers.get('link')).toBe(`<${path}>; rel="urn:ietf:params:whep:ext:core:layer"`);
  viewer.answer(await response.text());
  await viewer.open;
  const large = { rid: '720p', width: 1280, height: 720 };
  const small = { rid: '360p', width: 640, height: 360 };
  expect(await (await world.fetch(path)).json()).toEqual({ 0: [large, small] });
  const choose = (selection: unknown, type = 'application/json') => world.fetch(path, { method: 'POST', body: JSON.stringify(selection), headers: { 'content-type': type } });
  /** Publishes a picture of each size; resolves when that of one has come, which is told by its last byte. */
  const shows = async (seconds: number, { width }: { readonly width: number }) => {
    for (const [unit, mark] of [
      [picture(seconds, true), 1],
      [smallPicture(seconds, true), 2],
    ] as const)
      publication?.unit({ ...unit, data: Uint8Array.of(0, 0, 0, 4, 0x65, 0xff, seconds, mark) });
    const isShown = (packet: Buffer) => packet.at(-3) === 0xff && packet.at(-2) === seconds && packet.at(-1) === (width === large.width ? 1 : 2);
    await viewer.until(({ received }) => received.some(isShown));
  };
  await shows(0, large);
  expect((await choose({ mediaId: '0', rid: '360p' })).status).toBe(200);
  await shows(1, small);
  expect((await choose({ encodingId: '720p' })).status).toBe(200);
  await shows(2, large);
  expect((await choose({})).status).toBe(200);
  const refusals = [
    choose({ rid: '1080p' }),
    choose({ mediaId: '3', rid: '360p' }),
    choose({ spatialLayerId: 1 }),
    choose('x'),
    choose({}, 'text/plain'),
    choose({ rid: 'x'.repeat(5_000) }),
  ];
  expect((await Promise.all(refusals)).map(({ status }) => status)).toEqual([400, 400, 400, 400, 415, 413]);
  expect((await world.fetch(path, { method: 'DELETE' })).status).toBe(405);
  const options = await world.fetch(path, { method: 'OPTIONS' });
  expect([options.headers.get('access-control-allow-methods'), options.headers.get('accept-post')]).toEqual(['GET, POST, OPTIONS', 'application/json']);
  expect((await world.fetch(path.replace('layer', 'events'))).status).toBe(404);
});

test('a second publisher takes over, or is refused where the stream says so', async () => {
  await using open = await stand();
  const first = await publishSound(open);
  first.peer.send(opus(0));
  await first.peer.until(({ received }) => received.length > 0);
  const second = await publishSound(open);
  second.peer.send(opus(0));
  await second.peer.until(({ received }) => received.length > 0);
  expect(open.whip.counters).toMatchObject({ sessions: 1, publishers: 1 });
  first.peer.connection.close();
  second.peer.connection.close();

  await using closed = await stand({ secondPublisher: 'refuse' });
  const third = await publishSound(closed);
  third.peer.send(opus(0));
  await third.peer.until(({ received }) => received.length > 0);
  using fourth = new TestPeer({ direction: 'sendonly' });
  expect((await closed.post('/whip/one', fourth.offer, 'key-one')).status).toBe(409);
  third.peer.connection.close();
});

test('a server that is about to stop takes no offers, and who is connected goes on until it stops', async () => {
  await using world = await stand();
  const { peer } = await publishSound(world);
  using publisher = peer;
  world.transport.stop();
  using late = new TestPeer({ direction: 'sendonly' });
  const refused = await world.post('/whip/one', late.offer, 'key-one');
  expect([refused.status, await codeOf(refused), refused.headers.get('retry-after')]).toEqual([503, 'overloaded', '5']);
  publisher.send(opus(0));
  await publisher.until(({ received }) => received.some((packet) => packet[1] === 201));
  expect(world.hub.get('one')?.broadcast.state).toBe('live');
});

test('every operation of WHIP and WHEP that OpenAPI describes was tried and went well', () => {
  expect(recorder.missing()).toEqual([]);
});
