/** What the relay allows and refuses, asked by a client that can say anything. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { readXorAddress } from '@millrace/media/stun/address';
import { Attribute, readUnknownAttributes, u32Attribute } from '@millrace/media/stun/attribute';
import { formatIp } from '@millrace/media/stun/ip';
import { attributeOf, StunMethod } from '@millrace/media/stun/message';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { addressOf, openPeer, REQUEST_UDP, TurnClient } from './testing/turn-client.ts';
import { TurnStand } from './testing/turn-stand.ts';

const PUBLIC_PEER = addressOf('8.8.8.8', 1234);

describe('who may ask', () => {
  test('a binding request tells the client its address', async () => {
    await using stand = await TurnStand.start();
    for (const client of [await TurnClient.overUdp(stand.port), await TurnClient.overTcp(stand.port)]) {
      const { code, message } = await client.request(StunMethod.binding, []);
      expect(code).toBe(0);
      const mapped = readXorAddress(attributeOf(message, Attribute.xorMappedAddress) ?? new Uint8Array(0), message.transactionId);
      expect(formatIp(mapped.ip)).toBe('127.0.0.1');
      expect(message.hasFingerprint).toBe(true);
      client.close();
    }
  });

  test('credentials of the API open a relay; others, altered or expired ones get 401', async () => {
    await using stand = await TurnStand.start();
    const client = await TurnClient.overUdp(stand.port);
    const good = stand.credentials();
    expect((await client.request(StunMethod.allocate, [REQUEST_UDP])).code).toBe(401);
    for (const bad of [
      { ...good, credential: `${good.credential}x` },
      { ...good, username: good.username.replace('user', 'other') },
      { ...good, username: `9${good.username}` },
      { ...good, username: 'user' },
    ])
      expect((await client.allocate(bad)).code).toBe(401);
    expect((await client.allocate(stand.credentials('user', -1_000))).code).toBe(401);
    expect(Object.fromEntries(stand.server.counters.refusals)).toMatchObject({ expired: 1, unauthorized: 4 });
    const { code, relayed } = await client.allocate(good);
    expect(code).toBe(0);
    expect(relayed && formatIp(relayed.ip)).toBe('127.0.0.1');
    expect(stand.server.counters.allocations).toBe(1);
    client.close();
  });

  test('a lifetime is looked at when a relay is made and not again', async () => {
    const clock = new FakeClock();
    await using stand = await TurnStand.start({ clock });
    const client = await TurnClient.overUdp(stand.port);
    const credentials = stand.credentials('user', 60_000);
    await client.allocate(credentials);
    clock.advance(120_000);
    expect((await client.refresh(600, credentials)).code).toBe(0);
    expect((await client.permit(PUBLIC_PEER, credentials)).code).toBe(0);
    client.close();
  });

  test('a nonce is good for its time and for its client, then 438 brings a new one', async () => {
    const clock = new FakeClock();
    await using stand = await TurnStand.start({ clock });
    const [client, thief] = [await TurnClient.overUdp(stand.port), await TurnClient.overUdp(stand.port)];
    const credentials = stand.credentials();
    await client.allocate(credentials);
    thief.nonce = client.nonce;
    expect((await thief.allocate(credentials)).code).toBe(438);
    clock.advance(9 * 60_000);
    expect((await client.refresh(600, credentials)).code).toBe(0);
    clock.advance(2 * 60_000);
    expect((await client.refresh(600, credentials)).code).toBe(438);
    expect((await client.refresh(600, credentials)).code).toBe(0);
    client.close();
    thief.close();
  });

  test('strangers get so many answers a second and none larger than three times what they sent', async () => {
    const clock = new FakeClock();
    await using stand = await TurnStand.start({ clock });
    const client = await TurnClient.overUdp(stand.port);
    const shapes = [
      client.encode(StunMethod.binding, []),
      client.encode(StunMethod.allocate, [REQUEST_UDP]),
      client.encode(StunMethod.allocate, []),
      client.encode(9, []),
      client.encode(0x7ff, []),
      client.encode(StunMethod.binding, [u32Attribute(0x7f, 0)]),
    ];
    for (const shape of shapes) {
      client.send(shape);
      const transaction = shape.subarray(8, 20);
      const answer = await client.next();
      expect(answer.subarray(8, 20)).toEqual(Buffer.from(transaction));
      expect(answer.length).toBeLessThanOrEqual(3 * shape.length);
    }
    for (let i = 0; i < 200; i++) client.send(client.encode(StunMethod.binding, []));
    for (let i = shapes.length; i < 60; i++) await client.next();
    // One that holds credentials is limited too, until it has a relay; a second later all are heard again.
    const other = await TurnClient.overTcp(stand.port);
    while ((stand.server.counters.refusals.get('rate_limited') ?? 0) < 200 + shapes.length - 60) await new Promise((resolve) => setImmediate(resolve));
    expect(client.relayed).toHaveLength(0);
    clock.advance(1_000);
    expect((await other.request(StunMethod.binding, [])).code).toBe(0);
    client.close();
    other.close();
  });
});

describe('where the relay may reach', () => {
  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '192.168.1.1',
    '172.16.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '224.0.0.1',
    '239.255.255.250',
    '0.0.0.0',
    '255.255.255.255',
    '192.0.2.1',
    '198.18.0.1',
  ])('%s is refused with 403, for permissions and channels alike', async (ip) => {
    await using stand = await TurnStand.start();
    const client = await TurnClient.overUdp(stand.port);
    const credentials = stand.credentials();
    await client.allocate(credentials);
    expect((await client.permit(addressOf(ip, 80), credentials)).code).toBe(403);
    expect((await client.bind(0x4000, addressOf(ip, 80), credentials)).code).toBe(403);
    client.sendIndication(addressOf(ip, 80), Buffer.from('x'));
    expect((await client.permit(PUBLIC_PEER, credentials)).code).toBe(0);
    expect(stand.server.counters).toMatchObject({ bytesToPeers: 0, dropped: { permission: 1 } });
    client.close();
  });

  test('the operator’s own subnets are reached, multicast never', async () => {
    await using stand = await TurnStand.start({ allowedPeers: ['192.168.0.0/16', '0.0.0.0/0'] });
    const client = await TurnClient.overUdp(stand.port);
    const credentials = stand.credentials();
    await client.allocate(credentials);
    expect((await client.permit(addressOf('192.168.1.1', 80), credentials)).code).toBe(0);
    expect((await client.permit(addressOf('224.0.0.1', 80), credentials)).code).toBe(403);
    expect((await client.permit(addressOf('::ffff:8.8.8.8', 80), credentials)).code).toBe(443);
    client.close();
  });

  test('port 0 is no peer: what is sent there is dropped, no channel leads there, and the relay goes on', async () => {
    await using stand = await TurnStand.start();
    const client = await TurnClient.overUdp(stand.port);
    const credentials = stand.credentials();
    await client.allocate(credentials);
    // RFC 8656 §9.1: the port of a permission means nothing.
    expect((await client.permit(addressOf('8.8.8.8', 0), credentials)).code).toBe(0);
    client.sendIndication(addressOf('8.8.8.8', 0), Buffer.from('x'));
    expect((await client.bind(0x4000, addressOf('8.8.8.8', 0), credentials)).code).toBe(400);
    client.sendChannel(0x4000, Buffer.from('x'));
    expect((await client.refresh(600, credentials)).code).toBe(0);
    expect(stand.server.counters).toMatchObject({ allocations: 1, bytesToPeers: 0, dropped: { permission: 2 } });
    client.close();
  });

  test('our own media port is reached on loopback, its neighbour is not', async () => {
    const media = await openPeer();
    await using stand = await TurnStand.start({ isOwnMedia: (address, port) => address === '127.0.0.1' && port === media.port });
    const client = await TurnClient.overTcp(stand.port);
    const credentials = stand.credentials();
    const { relayed } = await client.allocate(credentials);
    const neighbour = await openPeer();
    expect((await client.permit(addressOf('127.0.0.1', neighbour.port), credentials)).code).toBe(403);
    expect((await client.permit(addressOf('127.0.0.1', media.port), credentials)).code).toBe(0);
    // The permission is for the address, and yet the neighbour stays out of reach both ways.
    client.sendIndication(addressOf('127.0.0.1', neighbour.port), Buffer.from('no'));
    neighbour.socket.send('no', relayed?.port ?? 0, '127.0.0.1');
    client.sendIndication(addressOf('127.0.0.1', media.port), Buffer.from('hello'));
    const [data, from] = await once(media.socket, 'message');
    expect(String(data)).toBe('hello');
    media.socket.send('back', from.port, '127.0.0.1');
    expect(String((await client.next()).subarray(-4))).toBe('back');
    expect(stand.server.counters).toMatchObject({ bytesToPeers: 5, bytesToClients: 4, dropped: { permission: 2 } });
    for (const { socket } of [media, neighbour]) socket.close();
    client.close();
  });
});

describe('on every address', () => {
  const FAMILY_IPV6 = { type: Attribute.requestedAddressFamily, value: Uint8Array.of(2, 0, 0, 0) };

  test.each([
    { host: '0.0.0.0', from: '127.0.0.1', family: [], relayedIp: '127.0.0.1' },
    { host: '::', from: '127.0.0.1', family: [], relayedIp: '127.0.0.1' },
    { host: '::', from: '::1', family: [FAMILY_IPV6], relayedIp: '::1' },
    { host: '::1', from: '::1', family: [FAMILY_IPV6], relayedIp: '::1' },
  ])('a relay at $host is known by the address that its client reached: $relayedIp', async ({ host, from, family, relayedIp }) => {
    await using stand = await TurnStand.start({ host });
    const client = await TurnClient.overUdp(stand.port, from);
    const { code, message, relayed } = await client.allocate(stand.credentials(), family);
    expect(code).toBe(0);
    expect(relayed && formatIp(relayed.ip)).toBe(relayedIp);
    const mapped = readXorAddress(attributeOf(message, Attribute.xorMappedAddress) ?? new Uint8Array(0), message.transactionId);
    expect(formatIp(mapped.ip)).toBe(from);
    client.close();
  });

  test('relays of IPv6 carry both ways', async () => {
    await using stand = await TurnStand.start({ host: '::', allowedPeers: ['::1'] });
    const peer = await openPeer('::1');
    const client = await TurnClient.overUdp(stand.port, '::1');
    const credentials = stand.credentials();
    await client.allocate(credentials, [FAMILY_IPV6]);
    expect((await client.bind(0x4000, addressOf('::1', peer.port), credentials)).code).toBe(0);
    client.sendChannel(0x4000, Buffer.from('six'));
    const [data, from] = await once(peer.socket, 'message');
    expect(String(data)).toBe('six');
    peer.socket.send('sechs', from.port, '::1');
    expect(String((await client.next()).subarray(4))).toBe('sechs');
    peer.socket.close();
    client.close();
  });
});

describe('what a request must be', () => {
  test('each fault has the code of the RFC', async () => {
    await using stand = await TurnStand.start();
    const client = await TurnClient.overUdp(stand.port);
    const credentials = stand.credentials();
    await client.request(StunMethod.allocate, []);
    const allocateWith = async (...attributes: Parameters<TurnClient['request']>[1]) => (await client.request(StunMethod.allocate, attributes, credentials)).code;
    const flag = { type: Attribute.evenPort, value: Uint8Array.of(0x80) };
    const token = { type: Attribute.reservationToken, value: new Uint8Array(8) };
    const family = (number: number) => ({ type: Attribute.requestedAddressFamily, value: Uint8Array.of(number, 0, 0, 0) });
    expect(await allocateWith()).toBe(400);
    expect(await allocateWith({ type: Attribute.requestedTransport, value: Uint8Array.of(6, 0, 0, 0) })).toBe(442);
    expect(await allocateWith(REQUEST_UDP, family(2))).toBe(440);
    expect(await allocateWith(REQUEST_UDP, family(3))).toBe(440);
    expect(await allocateWith(REQUEST_UDP, flag, token)).toBe(400);
    expect(await allocateWith(REQUEST_UDP, token)).toBe(508);
    expect(await allocateWith(REQUEST_UDP, { type: Attribute.lifetime, value: new Uint8Array(3) })).toBe(400);
    const { code, message } = await client.request(StunMethod.allocate, [REQUEST_UDP, { type: Attribute.dontFragment, value: new Uint8Array(0) }], credentials);
    expect(code).toBe(420);
    expect(readUnknownAttributes(attributeOf(message, Attribute.unknownAttributes) ?? new Uint8Array(0))).toEqual([Attribute.dontFragment]);
    expect((await client.refresh(600, credentials)).code).toBe(437);
    expect((await client.permit(PUBLIC_PEER, credentials)).code).toBe(437);
    expect(await allocateWith(REQUEST_UDP, family(1))).toBe(0);
    expect(await allocateWith(REQUEST_UDP)).toBe(437);
    expect((await client.refresh(600, stand.credentials('another'))).code).toBe(441);
    expect((await client.request(StunMethod.refresh, [family(2)], credentials)).code).toBe(443);
    expect((await client.request(StunMethod.createPermission, [], credentials)).code).toBe(400);
    expect((await client.permit(addressOf('2606:4700::1', 1), credentials)).code).toBe(443);
    expect((await client.bind(0x3fff, PUBLIC_PEER, credentials)).code).toBe(400);
    expect((await client.bind(0x4001, PUBLIC_PEER, credentials)).code).toBe(0);
    expect((await client.bind(0x4001, PUBLIC_PEER, credentials)).code).toBe(0);
    expect((await client.bind(0x4001, addressOf('8.8.4.4', 1234), credentials)).code).toBe(400);
    expect((await client.bind(0x4002, PUBLIC_PEER, credentials)).code).toBe(400);
    expect((await client.refresh(0, credentials)).code).toBe(0);
    expect(stand.server.counters.allocations).toBe(0);
    client.close();
  });

  test('an Allocate whose answer was lost is answered the same again', async () => {
    await using stand = await TurnStand.start();
    const client = await TurnClient.overUdp(stand.port);
    const transaction = new Uint8Array(12).fill(5);
    const first = await client.allocate(stand.credentials(), [], transaction);
    const again = await client.allocate(stand.credentials(), [], transaction);
    expect([first.code, again.code]).toEqual([0, 0]);
    expect(again.relayed).toEqual(first.relayed);
    expect(stand.server.counters.allocations).toBe(1);
    client.close();
  });

  test('EVEN-PORT gives an even port and holds the next one for its token', async () => {
    const clock = new FakeClock();
    await using stand = await TurnStand.start({ clock, relayPorts: { min: 30_001, max: 30_004 } });
    const [rtp, rtcp, late] = [await TurnClient.overUdp(stand.port), await TurnClient.overUdp(stand.port), await TurnClient.overUdp(stand.port)];
    const credentials = stand.credentials();
    const pair = await rtp.allocate(credentials, [{ type: Attribute.evenPort, value: Uint8Array.of(0x80) }]);
    expect(pair.relayed?.port).toBe(30_002);
    const token = { type: Attribute.reservationToken, value: attributeOf(pair.message, Attribute.reservationToken) ?? new Uint8Array(0) };
    expect((await rtcp.allocate(stand.credentials('another'), [token])).code).toBe(508);
    expect((await rtcp.allocate(credentials, [token])).relayed?.port).toBe(30_003);
    expect((await late.allocate(credentials, [token])).code).toBe(508);
    for (const client of [rtp, rtcp, late]) client.close();
  });
});

describe('quotas', () => {
  test('a thirteenth relay of a user gets 486, another user does not', async () => {
    await using stand = await TurnStand.start();
    const clients = await Promise.all(Array.from({ length: 14 }, () => TurnClient.overUdp(stand.port)));
    const codes: number[] = [];
    for (const client of clients.slice(0, 13)) codes.push((await client.allocate(stand.credentials('greedy'))).code);
    expect(codes).toEqual([...Array.from({ length: 12 }, () => 0), 486]);
    expect((await clients[13]?.allocate(stand.credentials('modest')))?.code).toBe(0);
    expect((await clients[0]?.refresh(0, stand.credentials('greedy')))?.code).toBe(0);
    expect((await clients[12]?.allocate(stand.credentials('greedy')))?.code).toBe(0);
    for (const client of clients) client.close();
  });

  test('all users together have a limit too', async () => {
    await using stand = await TurnStand.start({ limits: { allocations: 1 } });
    const [first, second] = [await TurnClient.overUdp(stand.port), await TurnClient.overUdp(stand.port)];
    expect((await first.allocate(stand.credentials('a'))).code).toBe(0);
    expect((await second.allocate(stand.credentials('b'))).code).toBe(486);
    expect(stand.server.counters.refusals.get('total_quota')).toBe(1);
    first.close();
    second.close();
  });

  test('ports that are taken are passed over; when none is left it is 508', async () => {
    const taken = await openPeer();
    await using stand = await TurnStand.start({ relayPorts: { min: taken.port, max: taken.port + 1 } });
    const [first, second] = [await TurnClient.overUdp(stand.port), await TurnClient.overUdp(stand.port)];
    expect((await first.allocate(stand.credentials())).relayed?.port).toBe(taken.port + 1);
    expect((await second.allocate(stand.credentials())).code).toBe(508);
    expect((await first.refresh(0, stand.credentials())).code).toBe(0);
    expect((await second.allocate(stand.credentials())).code).toBe(0);
    taken.socket.close();
    first.close();
    second.close();
  });

  test('bytes beyond a user’s bandwidth are dropped and come through again later', async () => {
    const clock = new FakeClock();
    const peer = await openPeer();
    await using stand = await TurnStand.start({ clock, allowedPeers: ['127.0.0.0/8'], limits: { userBytesPerSecond: 1_000 } });
    const client = await TurnClient.overUdp(stand.port);
    const credentials = stand.credentials();
    await client.allocate(credentials);
    await client.bind(0x4000, addressOf('127.0.0.1', peer.port), credentials);
    for (let i = 0; i < 5; i++) client.sendChannel(0x4000, Buffer.alloc(500, i));
    await client.refresh(600, credentials);
    expect(stand.server.counters).toMatchObject({ bytesToPeers: 2_000, dropped: { bandwidth: 1 } });
    clock.advance(500);
    client.sendChannel(0x4000, Buffer.alloc(500, 9));
    await client.refresh(600, credentials);
    expect(stand.server.counters.bytesToPeers).toBe(2_500);
    peer.socket.close();
    client.close();
  });
});

test('a port that is taken stops the start with a sentence', async () => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const address = blocker.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const stand = new TurnStand({ port });
  await expect(stand.server.start()).rejects.toThrow(`Port ${port} for TURN is in use by another program. Stop that program or choose another port with TURN_PORT.`);
  const udp = await openPeer();
  await expect(new TurnStand({ port: udp.port }).server.start()).rejects.toThrow(`Port ${udp.port} for TURN is in use`);
  udp.socket.close();
  blocker.close();
});
