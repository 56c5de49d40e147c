/** What the relay carries, on each transport, and when it stops. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { readXorAddress } from '@millrace/media/stun/address';
import { Attribute } from '@millrace/media/stun/attribute';
import { formatIp } from '@millrace/media/stun/ip';
import { attributeOf, readStun, StunClass, StunMethod } from '@millrace/media/stun/message';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { addressOf, openPeer, TurnClient } from './testing/turn-client.ts';
import { makeCertificate, TurnStand } from './testing/turn-stand.ts';

const LOOPBACK = ['127.0.0.0/8'];
const certificate = makeCertificate();

async function secureSocket(port: number): Promise<Socket> {
  const socket = connectTls({ port, host: '127.0.0.1', ca: certificate.cert });
  await once(socket, 'secureConnect');
  return socket;
}

const OPENERS = {
  udp: (stand: TurnStand) => TurnClient.overUdp(stand.port),
  tcp: (stand: TurnStand) => TurnClient.overTcp(stand.port),
  tls: async (stand: TurnStand) => TurnClient.overStream(await secureSocket(stand.tlsPort)),
} as const;

describe.each(['udp', 'tcp', 'tls'] as const)('over %s', (transport) => {
  test('channels carry every length both ways, and indications do before there is a channel', async () => {
    await using stand = await TurnStand.start({ allowedPeers: LOOPBACK, tls: certificate });
    const peer = await openPeer();
    const client = await OPENERS[transport](stand);
    const credentials = stand.credentials();
    const { relayed } = await client.allocate(credentials);
    const here = addressOf('127.0.0.1', peer.port);
    await client.permit(here, credentials);
    client.sendIndication(here, Buffer.from('first'));
    const [first, from] = await once(peer.socket, 'message');
    expect(String(first)).toBe('first');
    expect(from.port).toBe(relayed?.port);
    peer.socket.send('reply', from.port, '127.0.0.1');
    const indication = readStun(await client.next());
    expect(indication).toMatchObject({ class: StunClass.indication, method: StunMethod.data });
    expect(String(attributeOf(indication, Attribute.data))).toBe('reply');
    const said = readXorAddress(attributeOf(indication, Attribute.xorPeerAddress) ?? new Uint8Array(0), indication.transactionId);
    expect([formatIp(said.ip), said.port]).toEqual(['127.0.0.1', peer.port]);

    await client.bind(0x4abc, here, credentials);
    for (const length of [0, 1, 2, 3, 4, 5, 1199, 1200]) {
      const payload = Buffer.alloc(length, length);
      client.sendChannel(0x4abc, payload);
      expect((await once(peer.socket, 'message'))[0]).toEqual(payload);
      peer.socket.send(payload, from.port, '127.0.0.1');
      const frame = await client.next();
      expect(frame.readUInt16BE(0)).toBe(0x4abc);
      expect(frame.subarray(4, 4 + frame.readUInt16BE(2))).toEqual(payload);
      expect(frame.length).toBe(transport === 'udp' ? 4 + length : 4 + Math.ceil(length / 4) * 4);
    }
    peer.socket.close();
    client.close();
  });

  test('two relays of ours reach each other without the operator’s leave', async () => {
    await using stand = await TurnStand.start({ tls: certificate });
    const [a, b] = [await OPENERS[transport](stand), await OPENERS.udp(stand)];
    const [ofA, ofB] = [stand.credentials('a'), stand.credentials('b')];
    const [relayA, relayB] = [(await a.allocate(ofA)).relayed, (await b.allocate(ofB)).relayed];
    if (!relayA || !relayB) throw new Error('no relays');
    expect((await a.bind(0x4000, relayB, ofA)).code).toBe(0);
    a.sendChannel(0x4000, Buffer.from('before b permits'));
    await a.refresh(600, ofA);
    expect((await b.bind(0x4001, relayA, ofB)).code).toBe(0);
    a.sendChannel(0x4000, Buffer.from('hello b'));
    expect(String((await b.next()).subarray(4))).toBe('hello b');
    b.sendChannel(0x4001, Buffer.from('hi a'));
    expect(String((await a.next()).subarray(4, 8))).toBe('hi a');
    // Once the other relay is gone its port is any port of this machine, and out of reach.
    await b.refresh(0, ofB);
    a.sendChannel(0x4000, Buffer.from('anybody'));
    await a.refresh(600, ofA);
    expect(stand.server.counters.dropped.permission).toBe(2);
    a.close();
    b.close();
  });
});

describe('time', () => {
  test('permissions end after 5 minutes, channels after 10, relays after their lifetime, unless renewed', async () => {
    const clock = new FakeClock();
    await using stand = await TurnStand.start({ clock, allowedPeers: LOOPBACK });
    const [peer, silent] = [await openPeer(), await openPeer()];
    const client = await TurnClient.overTcp(stand.port);
    const credentials = stand.credentials('user', 12 * 3600_000);
    const here = addressOf('127.0.0.1', peer.port);
    await client.allocate(credentials);
    await client.bind(0x4000, here, credentials);
    const passes = async () => {
      const before = stand.server.counters.bytesToPeers;
      client.sendChannel(0x4000, Buffer.from('x'));
      await client.request(StunMethod.binding, []);
      return stand.server.counters.bytesToPeers > before;
    };
    // Refreshed as browsers do, it holds for as long as it is wanted.
    for (let minutes = 0; minutes < 76; minutes += 4) {
      clock.advance(4 * 60_000);
      const codes = [await client.refresh(600, credentials), await client.permit(here, credentials), await client.bind(0x4000, here, credentials)].map(({ code }) => code);
      expect(codes.every((code) => code === 0 || code === 438)).toBe(true);
      if (codes.includes(438)) {
        await client.refresh(600, credentials);
        await client.permit(here, credentials);
        await client.bind(0x4000, here, credentials);
      }
      expect(await passes()).toBe(true);
    }
    clock.advance(5 * 60_000);
    expect(await passes()).toBe(true);
    const dropped = stand.server.counters.dropped.permission;
    client.sendIndication(here, Buffer.from('x'));
    await client.request(StunMethod.binding, []);
    expect(stand.server.counters.dropped.permission).toBe(dropped + 1);
    await client.request(StunMethod.refresh, []);
    await client.refresh(3600, credentials);
    clock.advance(5 * 60_000);
    expect(await passes()).toBe(false);
    expect(stand.server.counters.allocations).toBe(1);
    clock.advance(3600_000);
    expect(stand.server.counters.allocations).toBe(0);
    for (const { socket } of [peer, silent]) socket.close();
    client.close();
  });

  test('a connection that says nothing, or only half of something, is closed; one with a relay stays', async () => {
    const clock = new FakeClock();
    await using stand = await TurnStand.start({ clock, tls: certificate });
    const [silent, half, shaking] = [connect(stand.port, '127.0.0.1'), connect(stand.port, '127.0.0.1'), connect(stand.tlsPort, '127.0.0.1')];
    half.write(Buffer.from([0, 1, 0, 0]));
    const used = await TurnClient.overTcp(stand.port);
    await used.allocate(stand.credentials());
    const gone = [silent, half, shaking].map((socket) => once(socket.resume(), 'close'));
    await until(() => stand.server.counters.connections === 4);
    clock.advance(20_000);
    await Promise.all(gone);
    expect((await used.refresh(0, stand.credentials())).code).toBe(0);
    clock.advance(40_000);
    await until(() => stand.server.counters.connections === 0);
    used.close();
  });
});

describe('hostile and slow clients', () => {
  test('what is neither STUN nor ChannelData ends the connection, and is counted on UDP', async () => {
    await using stand = await TurnStand.start();
    for (const garbage of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc', '\x00\x01\x40\x00\x21\x12\xa4\x42']) {
      const socket = connect(stand.port, '127.0.0.1').resume();
      socket.write(Buffer.from(garbage, 'latin1'));
      await once(socket, 'close');
    }
    const client = await TurnClient.overUdp(stand.port);
    client.send(Buffer.from('\xff not stun', 'latin1'));
    await client.request(StunMethod.binding, []);
    expect(stand.server.counters.refusals.get('malformed')).toBe(4);
    client.close();
  });

  test('random and damaged messages never break it, with a relay or without', async () => {
    await using stand = await TurnStand.start({ allowedPeers: LOOPBACK });
    const [stranger, client] = [await TurnClient.overUdp(stand.port), await TurnClient.overUdp(stand.port)];
    const credentials = stand.credentials();
    await client.allocate(credentials);
    const samples = [0, 1, 3, 4, 6, 8, 9].map((method) => Buffer.from(client.encode(method, [], credentials)));
    const damaged = fc.tuple(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })).map(([sample, changes]) => {
      const bytes = Buffer.from(sample);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return bytes;
    });
    for (const bytes of fc.sample(fc.oneof(damaged, fc.uint8Array({ maxLength: 100 })), { numRuns: 500, seed: 8656 })) for (const sender of [stranger, client]) sender.send(bytes);
    expect([0, 438]).toContain((await client.refresh(600, credentials)).code);
    stranger.close();
    client.close();
  });

  test('a client that reads nothing loses packets, costs no memory, and is cut off when nothing moves', async () => {
    const clock = new FakeClock();
    await using stand = await TurnStand.start({ clock, allowedPeers: LOOPBACK, limits: { userBytesPerSecond: 1e9 } });
    const peer = await openPeer();
    const socket = connect(stand.port, '127.0.0.1');
    await once(socket, 'connect');
    const client = TurnClient.overStream(socket);
    const credentials = stand.credentials();
    const { relayed } = await client.allocate(credentials);
    await client.bind(0x4000, addressOf('127.0.0.1', peer.port), credentials);
    socket.pause();
    while (stand.server.counters.dropped.slow === 0) {
      for (let i = 0; i < 50; i++) peer.socket.send(Buffer.alloc(1400), relayed?.port ?? 0, '127.0.0.1');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(stand.server.counters.allocations).toBe(1);
    clock.advance(10_000);
    await until(() => stand.server.counters.connections === 0);
    expect(stand.server.counters.allocations).toBe(0);
    peer.socket.close();
    client.close();
  });

  test('a relay ends with its connection, and its place is free again', async () => {
    await using stand = await TurnStand.start({ limits: { allocationsPerUser: 1 } });
    const first = await TurnClient.overTcp(stand.port);
    expect((await first.allocate(stand.credentials())).code).toBe(0);
    first.close();
    await until(() => stand.server.counters.allocations === 0);
    const second = await TurnClient.overTcp(stand.port);
    expect((await second.allocate(stand.credentials())).code).toBe(0);
    second.close();
  });
});

test('a connection accepted elsewhere, read ahead or not, is taken over', async () => {
  await using stand = await TurnStand.start();
  // As a port that is shared with HTTP would: the first bytes say who it is for.
  const shared = createServer((socket) =>
    socket.once('data', (bytes) => {
      socket.pause();
      socket.unshift(bytes);
      stand.server.accept(socket);
    }),
  ).listen(0, '127.0.0.1');
  await once(shared, 'listening');
  const address = shared.address();
  const client = await TurnClient.overTcp(typeof address === 'object' && address ? address.port : 0);
  expect((await client.allocate(stand.credentials())).code).toBe(0);
  client.close();
  shared.close();
});

test('each TLS handshake gets the certificate that is current then', async () => {
  const renewed = makeCertificate();
  let current = certificate;
  await using stand = await TurnStand.start({ tls: { secureContext: () => createSecureContext({ cert: current.cert, key: current.key }) } });
  const shown = async () => {
    const socket = connectTls({ port: stand.tlsPort, host: '127.0.0.1', ca: [certificate.cert, renewed.cert] });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  const before = await shown();
  current = renewed;
  expect(before).toBe(new X509Certificate(certificate.cert).fingerprint256);
  expect(await shown()).toBe(new X509Certificate(renewed.cert).fingerprint256);
});

test('closing ends everything, and twice is once', async () => {
  const stand = await TurnStand.start();
  const [udp, tcp] = [await TurnClient.overUdp(stand.port), await TurnClient.overTcp(stand.port)];
  await udp.allocate(stand.credentials());
  await tcp.request(StunMethod.binding, []);
  await Promise.all([stand.server.close(), stand.server.close()]);
  await stand.server.closed;
  expect(stand.server.counters).toMatchObject({ allocations: 0, connections: 0 });
  udp.close();
  tcp.close();
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
