/** WHIP and WHEP when they are misused: what comes over the network is dropped, counted and bounded, and who behaves goes on. */
import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Attribute, textAttribute } from '@millrace/media/stun/attribute';
import { StunClass, StunMethod, writeStun } from '@millrace/media/stun/message';
import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { TestPeer } from './testing/peer.ts';
import { opus, publishSound } from './testing/sound.ts';
import { Stand, type StandOptions } from './testing/stand.ts';

function stand(options?: StandOptions): Promise<Stand> {
  return new Stand(options).start();
}

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

test('garbage inside of the encryption costs a count and nothing else', async () => {
  await using world = await stand();
  const { peer } = await publishSound(world);
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
  const { peer } = await publishSound(world);
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
  const { peer, response } = await publishSound(world);
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
  // The runtime takes what it needs for a hundred requests at once.
  await ask();
  const before = memoryInUse();
  let after = before;
  for (let batch = 2; batch < 10; batch++) {
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

/** Resident, once the garbage of the requests is collected, which are made in this process as well. */
function memoryInUse(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().rss;
}
