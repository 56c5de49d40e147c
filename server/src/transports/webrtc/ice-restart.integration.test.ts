/** ICE restarts over real HTTP and UDP: DTLS and SRTP of a real client go on when its path is another one. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readXorAddress } from '@millrace/media/stun/address';
import { Attribute } from '@millrace/media/stun/attribute';
import { attributeOf, readStun, StunClass, StunMethod, writeStun } from '@millrace/media/stun/message';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { type Clock, FakeClock, systemClock } from '../../lib/clock.ts';
import { addressOf, TurnClient } from '../turn/testing/turn-client.ts';
import { TurnStand } from '../turn/testing/turn-stand.ts';
import { IceRestarts } from './ice-restarts.ts';
import { ControllingEnd } from './testing/controlling-end.ts';
import { MovingPeer } from './testing/moving-peer.ts';
import { TestPeer } from './testing/peer.ts';
import { opus, publishSound } from './testing/sound.ts';
import { Stand } from './testing/stand.ts';

const LOOPBACK = '127.0.0.1';
const CHANNEL = 0x4000;
const WAIT = { timeout: 10_000, interval: 20 };

/** WHIP and WHEP with a relay whose port restarted sessions are reached on. */
async function makeWorld(scope: AsyncDisposableStack, clock: Clock = systemClock) {
  const restarts: IceRestarts = new IceRestarts({ clock, config: { host: LOOPBACK, addresses: [] }, port: () => turn.port });
  const turn = scope.use(await TurnStand.start({ guests: restarts }));
  const world = scope.use(await new Stand({ restarts }).start());
  /** PATCHes the session of this answer. */
  const patch = (response: Response, match: string, body: string) =>
    world.fetch(response.headers.get('location') ?? '', {
      method: 'PATCH',
      body,
      headers: { authorization: 'Bearer key-one', 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': match },
    });
  return { restarts, turn, world, patch };
}

/** A client behind a network that may move. Publishers speak all the while. */
async function connect(scope: AsyncDisposableStack, world: Stand, direction: 'sendonly' | 'recvonly') {
  const peer = scope.use(new TestPeer({ direction, video: false }));
  const network = scope.use(new MovingPeer());
  const response = direction === 'sendonly' ? await world.post('/whip/one', peer.offer, 'key-one') : await world.post('/whep/one', peer.offer);
  peer.answer(await network.stand(await response.clone().text()));
  await peer.open;
  let sequence = 0;
  const speaking = setInterval(() => direction === 'sendonly' && peer.send(opus(sequence++)), 20);
  scope.defer(() => clearInterval(speaking));
  /** Resolves when the server was heard again: its reports, or its media. */
  const hears = () => {
    const before = peer.received.length;
    return peer.until(({ received }) => received.length > before + 1);
  };
  return { peer, network, response, hears };
}

test('a publisher restarts ICE when its path breaks, and again: session, broadcast and sound go on', async () => {
  await using scope = new AsyncDisposableStack();
  const { turn, world, patch } = await makeWorld(scope);
  const { network, response, hears } = await connect(scope, world, 'sendonly');
  await hears();
  const broadcast = world.hub.get('one')?.broadcast;
  expect(broadcast?.state).toBe('live');
  const etag = response.headers.get('etag') ?? '';

  const first = await network.open(turn.port);
  const restarted = await patch(response, '*', first.fragment);
  expect([restarted.status, restarted.headers.get('content-type')]).toEqual([200, 'application/trickle-ice-sdpfrag']);
  const second = restarted.headers.get('etag') ?? '';
  expect(second).toMatch(/^"[^"]+"$/);
  expect(second).not.toBe(etag);
  const fragment = await restarted.text();
  expect(fragment).toMatch(
    new RegExp(`^m=audio .*\r\na=mid:a\r\na=ice-ufrag:.*\r\na=ice-pwd:.*\r\na=candidate:1 1 udp \\d+ 127.0.0.1 ${turn.port} typ host\r\na=end-of-candidates\r\n$`),
  );
  // Until the new path is found, media keeps to the one it has.
  await hears();
  network.cut();
  first.apply(fragment);
  await network.moveTo(first);
  const { packetsReceived } = world.transport.counters;
  await hears();
  await vi.waitUntil(() => world.transport.counters.packetsReceived > packetsReceived + 10, WAIT);

  const again = await network.open(turn.port);
  const tooSoon = await patch(response, '*', again.fragment);
  expect([200, 429]).toContain(tooSoon.status);
  let renewed = tooSoon;
  await vi.waitUntil(async () => {
    if (renewed.status === 429) renewed = await patch(response, '*', again.fragment);
    return renewed.status === 200;
  }, WAIT);
  again.apply(await renewed.text());
  // The credentials of before are good until these have found a path.
  const answered = first.answers.length;
  first.check();
  await vi.waitUntil(() => first.answers.length > answered, WAIT);
  await hears();
  await network.moveTo(again);
  await hears();
  first.check();
  await vi.waitUntil(() => first.unsigned > 0, WAIT);

  expect(world.transport.counters).toMatchObject({ opened: 1, sessions: 1, lost: 0, iceRestarts: 2 });
  expect(world.hub.get('one')?.broadcast).toBe(broadcast);
  await world.fetch(response.headers.get('location') ?? '', { method: 'DELETE', headers: { authorization: 'Bearer key-one' } });
  const unsigned = again.unsigned;
  again.check();
  await vi.waitUntil(() => again.unsigned > unsigned, WAIT);
});

test('a viewer restarts ICE and goes on watching as the same viewer', async () => {
  await using scope = new AsyncDisposableStack();
  const { turn, world, patch } = await makeWorld(scope);
  await (await connect(scope, world, 'sendonly')).hears();
  const viewer = await connect(scope, world, 'recvonly');
  await viewer.hears();
  const end = await viewer.network.open(turn.port);
  viewer.network.cut();
  // As RFC 9725's examples have it.
  const restarted = await patch(viewer.response, '"*"', end.fragment);
  expect(restarted.status).toBe(200);
  end.apply(await restarted.text());
  await viewer.network.moveTo(end);
  await viewer.hears();
  expect(world.whep.counters).toMatchObject({ sessions: 1, viewers: 1 });
  expect(viewer.peer.states).not.toContain('disconnected');
});

test('what is wrong with a restart is said with the status that fits, and the session goes on', async () => {
  await using scope = new AsyncDisposableStack();
  const { world, patch } = await makeWorld(scope);
  const { peer, response } = await publishSound(world);
  scope.use(peer);
  const etag = response.headers.get('etag') ?? '';
  const end = new ControllingEnd(() => {});
  const codeOf = async (answer: Response) => [answer.status, (await answer.json())?.code];
  expect(await codeOf(await patch(response, '*', 'a=end-of-candidates\r\n'))).toEqual([400, 'sdp_malformed']);
  expect(await codeOf(await patch(response, '*', 'a=ice-ufrag:anew\r\n'))).toEqual([400, 'sdp_malformed']);
  expect(await codeOf(await patch(response, '"other"', end.fragment))).toEqual([412, 'precondition_failed']);
  const restarted = await patch(response, etag, end.fragment);
  expect(restarted.status).toBe(200);
  const soon = await patch(response, '*', new ControllingEnd(() => {}).fragment);
  expect([soon.headers.get('retry-after'), ...(await codeOf(soon))]).toEqual(['1', 429, 'too_many_requests']);
  expect(await codeOf(await patch(response, etag, end.fragment))).toEqual([412, 'precondition_failed']);
  // Candidates for the credentials in use, by whichever name.
  for (const match of ['*', restarted.headers.get('etag') ?? '']) {
    const trickled = await patch(response, match, end.fragment);
    expect([trickled.status, trickled.headers.get('etag')]).toEqual([204, restarted.headers.get('etag')]);
  }
  peer.send(opus(0));
  await peer.until(({ received }) => received.length > 0);
  expect(world.transport.counters).toMatchObject({ sessions: 1, iceRestarts: 0 });
});

test('a peer that no longer consents to being sent to is lost', async () => {
  await using scope = new AsyncDisposableStack();
  const clock = new FakeClock();
  const { turn, world, patch } = await makeWorld(scope, clock);
  const { network, response, hears } = await connect(scope, world, 'sendonly');
  const end = await network.open(turn.port);
  end.apply(await (await patch(response, '*', end.fragment)).text());
  network.cut();
  await network.moveTo(end);
  await hears();
  end.consents = false;
  clock.advance(30_000);
  await vi.waitUntil(() => world.transport.counters.lost === 1, WAIT);
  expect(world.transport.counters.sessions).toBe(0);
});

test('a client without UDP reaches a restarted session through the relay, and nothing else on that port', async () => {
  await using scope = new AsyncDisposableStack();
  const { turn, world, patch } = await makeWorld(scope);
  const { peer, response } = await publishSound(world);
  scope.use(peer);
  const client = await TurnClient.overTcp(turn.port);
  scope.defer(() => client.close());
  const credentials = turn.credentials();
  const { relayed } = await client.allocate(credentials);
  expect((await client.bind(CHANNEL, addressOf(LOOPBACK, turn.port), credentials)).code).toBe(0);
  const end = new ControllingEnd((packet) => client.sendChannel(CHANNEL, packet));
  const next = async () => {
    const frame = await client.next();
    return frame.subarray(4, 4 + frame.readUInt16BE(2));
  };

  // Neither TURN nor STUN answers there: a relay of a relay would have no end.
  client.sendChannel(CHANNEL, client.encode(StunMethod.allocate, []));
  client.sendChannel(CHANNEL, writeStun({ class: StunClass.request, method: StunMethod.binding, transactionId: new Uint8Array(12), attributes: [] }));
  await client.refresh(600, credentials);
  expect([client.relayed.length, turn.server.counters.allocations]).toEqual([0, 1]);

  end.apply(await (await patch(response, '*', end.fragment)).text());
  end.check();
  const answer = end.receive(await next());
  expect(readXorAddress(attributeOf(answer, Attribute.xorMappedAddress) ?? new Uint8Array(0), answer.transactionId)).toEqual(relayed);
  while (end.checked === 0) end.receive(await next());
  await vi.waitUntil(() => world.transport.counters.iceRestarts === 1, WAIT);
  // What the library has to say comes by it from now on: the reports that its client no longer hears.
  peer.send(opus(0));
  for (;;) {
    const packet = await next();
    if ((packet[0] ?? 0) >= 128) break;
    end.receive(packet);
  }
});

test('the port stays that of the relay for everybody else, also for whoever is a peer on it', async () => {
  await using scope = new AsyncDisposableStack();
  const { turn, world, patch } = await makeWorld(scope);
  const { peer, response } = await publishSound(world);
  scope.use(peer);
  const client = await TurnClient.overUdp(turn.port);
  scope.defer(() => client.close());
  const before = world.transport.counters.strangers;
  const end = new ControllingEnd((packet) => client.send(packet));
  end.apply(await (await patch(response, '*', end.fragment)).text());
  end.check({ password: 'a guess' });
  const asked = await client.request(StunMethod.binding, []);
  expect([asked.code, attributeOf(asked.message, Attribute.xorMappedAddress) !== undefined]).toEqual([0, true]);
  expect([world.transport.counters.strangers - before, client.relayed.length]).toEqual([1, 0]);
  end.check();
  const credentials = turn.credentials();
  expect((await client.allocate(credentials)).code).toBe(0);
  expect((await client.permit(addressOf('8.8.8.8', 1), credentials)).code).toBe(0);
  expect(client.relayed.map((packet) => readStun(packet).class)).toContain(StunClass.request);
});

test('whatever comes to the port from strangers, no session takes it', async () => {
  await using scope = new AsyncDisposableStack();
  const { restarts, turn, world, patch } = await makeWorld(scope);
  const { peer, response } = await publishSound(world);
  scope.use(peer);
  const end = new ControllingEnd(() => {});
  end.apply(await (await patch(response, '*', end.fragment)).text());
  const [check, sent] = [end.check(), [] as Uint8Array[]];
  const path = { key: 'x', remote: addressOf('192.0.2.1', 5_000), remoteAddress: '192.0.2.1', send: (packet: Uint8Array) => sent.push(packet), relay: () => true };
  const damaged = fc.tuple(fc.nat(check.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, flip]) => Uint8Array.from(check, (byte, i) => (i === at ? byte ^ flip : byte)));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (packet) => {
      restarts.binding(packet, path);
      expect(restarts.media(path.key, packet)).toBe(false);
    }),
    { seed: 7_983 },
  );
  expect(sent).toEqual([]);
  // And through the socket, after which it still answers.
  const stranger = createSocket('udp4').bind(0, LOOPBACK);
  await once(stranger, 'listening');
  for (const first of [0, 1, 20, 22, 63, 128, 191]) stranger.send(Uint8Array.of(first, 1, 0, 0), turn.port, LOOPBACK);
  stranger.close();
  const client = await TurnClient.overUdp(turn.port);
  expect((await client.request(StunMethod.binding, [])).code).toBe(0);
  client.close();
});
