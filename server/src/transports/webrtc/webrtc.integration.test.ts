/** WHIP and WHEP to the letter, with a real client of the library over HTTP and UDP. */

import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { readRtpPacket, writeRtpHeader } from '@millrace/media/rtp/packet';
import { writeReceiverReport } from '@millrace/media/rtp/rtcp-write';
import { Attribute, textAttribute } from '@millrace/media/stun/attribute';
import { StunClass, StunMethod, writeStun } from '@millrace/media/stun/message';
import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { OpenApiRecorder } from '../../lib/testing/openapi-recorder.ts';
import { picture, SMALL_VIDEO, smallPicture, VIDEO } from '../../stream/testing/source.ts';
import { TestPeer } from './testing/peer.ts';
import { Stand, type StandOptions } from './testing/stand.ts';

const SDP = { 'content-type': 'application/sdp' };
const FRAGMENT = { 'content-type': 'application/trickle-ice-sdpfrag' };

const recorder = new OpenApiRecorder({ part: 'offers' });

function stand(options?: StandOptions): Promise<Stand> {
  return new Stand({ ...options, recorder }).start();
}

function opus(sequence: number): Uint8Array {
  const packet = new Uint8Array(12 + 40).fill(0xfc, 12);
  writeRtpHeader(packet, { marker: false, payloadType: 111, sequence, timestamp: sequence * 960, ssrc: 1002 });
  return packet;
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

/** A publisher of sound that is connected. */
async function publish(world: Stand): Promise<{ readonly peer: TestPeer; readonly response: Response }> {
  const peer = new TestPeer({ direction: 'sendonly', video: false });
  const response = await world.post('/whip/one', peer.offer, 'key-one');
  peer.answer(await response.clone().text());
  await peer.open;
  return { peer, response };
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
  const { peer, response } = await publish(world);
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
  const { peer } = await publish(world);
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
  const { peer } = await publish(world);
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
  const first = await publish(open);
  first.peer.send(opus(0));
  await first.peer.until(({ received }) => received.length > 0);
  const second = await publish(open);
  second.peer.send(opus(0));
  await second.peer.until(({ received }) => received.length > 0);
  expect(open.whip.counters).toMatchObject({ sessions: 1, publishers: 1 });
  first.peer.connection.close();
  second.peer.connection.close();

  await using closed = await stand({ secondPublisher: 'refuse' });
  const third = await publish(closed);
  third.peer.send(opus(0));
  await third.peer.until(({ received }) => received.length > 0);
  using fourth = new TestPeer({ direction: 'sendonly' });
  expect((await closed.post('/whip/one', fourth.offer, 'key-one')).status).toBe(409);
  third.peer.connection.close();
});

test('a session that never finishes ICE is gone after 15 s', async () => {
  const clock = new FakeClock();
  await using world = await stand({ clock });
  using peer = new TestPeer({ direction: 'sendonly' });
  const response = await world.post('/whip/one', peer.offer, 'key-one');
  expect(world.transport.counters.sessions).toBe(1);
  clock.advance(14_900);
  expect(world.transport.counters.sessions).toBe(1);
  clock.advance(200);
  const gone = await world.fetch(response.headers.get('location') ?? '', { method: 'DELETE', headers: { authorization: 'Bearer key-one' } });
  expect(gone.status).toBe(404);
  expect(world.transport.counters).toMatchObject({ sessions: 0, neverConnected: 1 });
});

test('a full server says when to try again, and an address that asks without end waits', async () => {
  await using world = await stand({ maxSessions: 1 });
  using first = new TestPeer({ direction: 'sendonly' });
  expect((await world.post('/whip/one', first.offer, 'key-one')).status).toBe(201);
  const full = await world.post('/whip/two', first.offer, 'key-two');
  expect([full.status, full.headers.get('retry-after')]).toEqual([503, '5']);
  const statuses = new Set<number>();
  for (let i = 0; i < 80; i++) statuses.add((await world.post('/whep/unknown', 'x')).status);
  expect(statuses).toEqual(new Set([404, 429]));
});

test('a server that is about to stop takes no offers, and who is connected goes on until it stops', async () => {
  await using world = await stand();
  const { peer } = await publish(world);
  using publisher = peer;
  world.transport.stop();
  using late = new TestPeer({ direction: 'sendonly' });
  const refused = await world.post('/whip/one', late.offer, 'key-one');
  expect([refused.status, await codeOf(refused), refused.headers.get('retry-after')]).toEqual([503, 'overloaded', '5']);
  publisher.send(opus(0));
  await publisher.until(({ received }) => received.some((packet) => packet[1] === 201));
  expect(world.hub.get('one')?.broadcast.state).toBe('live');
});

test('garbage inside of the encryption costs a count and nothing else', async () => {
  await using world = await stand();
  const { peer } = await publish(world);
  using publisher = peer;
  const stray = opus(0);
  stray[1] = 77;
  publisher.send(stray);
  publisher.send(Uint8Array.from([0x81, 200, 0, 99, ...new Array(12).fill(0)]));
  for (let i = 0; i < 5; i++) publisher.send(opus(i));
  await publisher.until(({ received }) => received.some((packet) => packet[1] === 201));
  expect(world.whip.counters.strays).toBe(1);
  expect(world.whip.counters.protocolErrors).toBeGreaterThanOrEqual(1);
  expect(world.hub.get('one')?.broadcast.state).toBe('live');
});

test.for([true, false])('a fault of ours costs the session that met it and no other, met by waiting: %s', async (byWaiting) => {
  await using world = await stand();
  const { peer } = await publish(world);
  using bystander = peer;
  bystander.send(opus(0));
  await bystander.until(({ received }) => received.some((packet) => packet[1] === 201));
  const publishing = vi.spyOn(world.hub, 'publish').mockImplementation(() => {
    throw new Error('a fault');
  });
  // A picture that never comes is waited for on a timer; sound alone is announced with its packet.
  using publisher = new TestPeer({ direction: 'sendonly', video: byWaiting });
  publisher.answer(await (await world.post('/whip/two', publisher.offer, 'key-two')).text());
  await publisher.open;
  publisher.send(opus(0));
  await vi.waitUntil(() => world.whip.counters.sessions === 1, 10_000);
  expect(publishing).toHaveBeenCalledOnce();
  publishing.mockRestore();
  const reports = bystander.received.length;
  bystander.send(opus(1));
  await bystander.until(({ received }) => received.length > reports);
  expect(world.hub.get('one')?.broadcast.state).toBe('live');
});

test('what strangers send to the media port is dropped, and the publisher goes on', async () => {
  await using world = await stand();
  const { peer, response } = await publish(world);
  using publisher = peer;
  for (let i = 0; i < 5; i++) publisher.send(opus(i));
  await publisher.until(({ received }) => received.some((packet) => packet[1] === 201));
  const before = world.transport.counters;
  const port = Number(/a=candidate:1 1 udp \d+ 127\.0\.0\.1 (\d+) /.exec(await response.text())?.[1]);
  const stranger = createSocket('udp4').bind(0, '127.0.0.1');
  await once(stranger, 'listening');
  const check = writeStun(
    { class: StunClass.request, method: StunMethod.binding, transactionId: new Uint8Array(12), attributes: [textAttribute(Attribute.username, 'nobody:knows')] },
    { integrity: { key: Buffer.from('guess'), hmacSha1: (key, data) => createHmac('sha1', key).update(data).digest() }, fingerprint: true },
  );
  for (const packet of [opus(6), opus(7), Uint8Array.of(0x81, 201, 0, 1, 0, 0, 0, 1), new Uint8Array(1_200), Uint8Array.of(22, 254, 253, 0), check])
    stranger.send(packet, port, '127.0.0.1');
  await vi.waitUntil(() => world.transport.counters.strangers > before.strangers, 10_000);
  // One that is ours, behind all of theirs.
  const reports = publisher.received.length;
  publisher.send(opus(5));
  await publisher.until(({ received }) => received.length > reports);
  stranger.close();
  expect(world.transport.counters.packetsReceived).toBe(before.packetsReceived + 1);
  expect(world.whip.counters).toMatchObject({ strays: 0, protocolErrors: 0 });
  expect(world.hub.get('one')?.broadcast.state).toBe('live');
});

test('a thousand offers at once are turned away with a time to come back, and cost no memory', async () => {
  await using world = await stand();
  using peer = new TestPeer({ direction: 'sendonly' });
  const { offer } = peer;
  const statuses = new Map<number, number>();
  const ask = async (): Promise<void> => {
    const responses = await Promise.all(Array.from({ length: 100 }, () => world.post('/whip/one', offer, 'key-one')));
    for (const response of responses) {
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      if (response.status !== 201) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      await response.arrayBuffer();
    }
  };
  // Sixty are looked at; of those each takes over from the one before, and on a slow machine some come while the server is full.
  await ask();
  expect((statuses.get(201) ?? 0) + (statuses.get(503) ?? 0)).toBe(60);
  expect(statuses.get(429)).toBe(40);
  const { sessions } = world.transport.counters;
  expect(sessions).toBeLessThanOrEqual(60);
  const before = memoryInUse();
  let after = before;
  for (let batch = 1; batch < 10; batch++) {
    await ask();
    after = memoryInUse();
  }
  expect(statuses.get(429)).toBe(940);
  expect(world.transport.counters.sessions).toBeLessThanOrEqual(sessions);
  expect(after - before).toBeLessThan(64 * 1024 * 1024);
});

test('sessions that came and went leave nothing behind', async () => {
  await using world = await stand();
  for (let i = 0; i < 50; i++) {
    using peer = new TestPeer({ direction: 'sendonly' });
    const response = await world.post('/whip/one', peer.offer, 'key-one');
    if (response.status === 429) break;
    await world.fetch(response.headers.get('location') ?? '', { method: 'DELETE', headers: { authorization: 'Bearer key-one' } });
  }
  expect(world.transport.counters).toMatchObject({ opened: 50, sessions: 0 });
  expect(world.whip.counters).toMatchObject({ sessions: 0, publishers: 0 });
});

test('every operation of WHIP and WHEP that OpenAPI describes was tried and went well', () => {
  expect(recorder.missing()).toEqual([]);
});

/** Resident, once the garbage of the requests is collected, which are made in this process as well. */
function memoryInUse(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().rss;
}
