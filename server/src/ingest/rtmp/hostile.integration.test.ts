/** Publishers that vanish, lie or attack, on a clock that the test moves; and what the server tells those it sends away. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { AmfValue } from '@millrace/media/amf/value';
import { concat } from '@millrace/media/big-endian';
import { writeCommand } from '@millrace/media/rtmp/command';
import { userControl } from '@millrace/media/rtmp/control';
import { MessageType } from '@millrace/media/rtmp/message';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { ReadPacer } from '../../transports/tcp/read-pacer.ts';
import { IDLE_TIMEOUT_MS, LOST_AFTER_MS, NEGOTIATION_TIMEOUT_MS } from './session.ts';
import { BenchStand } from './testing/bench-stand.ts';
import { codeOf, RtmpClient } from './testing/client.ts';

/** avcC of 16×16 pixels, baseline. */
const AVCC = [1, 66, 0, 30, 0xff, 0xe1, 0, 6, 0x67, 66, 0, 30, 0xfb, 0xc8, 1, 0, 2, 0x68, 0xce];
const SEQUENCE_HEADER = [0x17, 0, 0, 0, 0, ...AVCC];
const KEY_FRAME = [0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88];

let clock: FakeClock;
let stand: BenchStand;

beforeEach(async () => {
  clock = new FakeClock();
  stand = new BenchStand({ clock });
  await stand.start();
});

afterEach(async () => {
  const closing = stand[Symbol.asyncDispose]();
  // Nobody else moves the clock past the time the last words may take.
  await Promise.race([closing, new Promise((resolve) => setImmediate(resolve))]);
  clock.advance(2_000);
  await closing;
});

async function publishing(key: string, options?: { readonly capsEx?: number }): Promise<RtmpClient> {
  const client = new RtmpClient(stand.port);
  expect(codeOf(await client.publish(key, options))).toBe('NetStream.Publish.Start');
  client.video(0, ...SEQUENCE_HEADER);
  client.video(0, ...KEY_FRAME);
  return client;
}

/** Sends a video message that surely arrives: the pong comes behind it. */
async function heard(client: RtmpClient): Promise<void> {
  const before = client.messages.length;
  client.send(2, userControl(6, 1));
  while (client.messages.length === before) await once(client.socket, 'data');
}

describe('a publisher', () => {
  test('is read at a common beat, which is a long one while nobody sees it, but for one whom somebody reads in real time', async () => {
    const rests = vi.spyOn(ReadPacer.prototype, 'rest');
    using client = await publishing('key-a');
    await heard(client);
    clock.advance(2_500);
    await stand.until('a', (seen) => seen.units.length === 1);
    rests.mockClear();
    await heard(client);
    expect(rests).toHaveBeenLastCalledWith(expect.anything(), expect.any(Number), true);
    stand.isSeen = false;
    await heard(client);
    expect(rests).toHaveBeenLastCalledWith(expect.anything(), expect.any(Number), false);
    const stream = stand.hub.get('a');
    const reader = stream?.read();
    rests.mockClear();
    await heard(client);
    expect(rests).not.toHaveBeenCalled();
    if (reader) stream?.release(reader);
    await heard(client);
    expect(rests).toHaveBeenCalled();
    rests.mockRestore();
  });

  test('that falls silent is lost after 15 s, welcome again within 30 s, and closed after', async () => {
    using client = await publishing('key-a');
    await heard(client);
    clock.advance(2_500);
    const sink = await stand.until('a', (seen) => seen.units.length === 1);
    clock.advance(LOST_AFTER_MS);
    expect(stand.hub.get('a')?.broadcast.state).toBe('reconnecting');
    expect(sink.pauses).toBe(1);
    client.video(20_000, ...KEY_FRAME);
    await stand.until('a', (seen) => seen.units.length === 2);
    expect(stand.hub.get('a')?.broadcast.state).toBe('live');
    clock.advance(IDLE_TIMEOUT_MS + 1_000);
    clock.advance(2_000);
    await client.closed();
    expect((await stand.untilLogged('connection closed for what it sent')).fields).toMatchObject({ reason: expect.stringContaining('nothing received for 30 s') });
  });

  test('that comes back from silence does not push out the one in its place', async () => {
    using first = await publishing('key-a');
    await heard(first);
    clock.advance(2_500);
    clock.advance(LOST_AFTER_MS);
    using second = await publishing('key-a');
    await heard(second);
    clock.advance(2_500);
    await stand.until('a', (sink) => sink.formats.length === 2);
    first.video(20_000, ...KEY_FRAME);
    expect(codeOf(await first.status())).toBe('NetStream.Publish.BadName');
    expect(stand.server.counters).toMatchObject({ lost: 1, occupied: 1, publishers: 1 });
  });

  test('that says goodbye leaves at once and may hang up itself', async () => {
    using client = await publishing('key-a');
    await heard(client);
    clock.advance(2_500);
    client.command(1, 'deleteStream', 0, null, 1);
    expect(codeOf(await client.status())).toBe('NetStream.Unpublish.Success');
    expect(stand.hub.get('a')?.broadcast.state).toBe('reconnecting');
    client.socket.end();
    await client.closed();
  });

  test('is announced without the sound its metadata promises when that does not come', async () => {
    using client = new RtmpClient(stand.port);
    await client.publish('key-a');
    const metadata: AmfValue = new Map([
      ['videocodecid', 7],
      ['audiocodecid', 10],
    ]);
    client.send(4, { ...writeCommand(1, '@setDataFrame', 'onMetaData', metadata), type: MessageType.amf0Data });
    client.video(0, ...SEQUENCE_HEADER);
    client.video(0, ...KEY_FRAME);
    await heard(client);
    expect(stand.sinks.has('a')).toBe(false);
    client.video(1_000, ...KEY_FRAME);
    const sink = await stand.until('a', (seen) => seen.units.length === 2);
    expect(sink.formats).toMatchObject([[{ codec: 'h264', width: 16, height: 16 }]]);
  });

  test('that meets a fault of ours on a timer is closed for it, and others go on', async () => {
    using other = await publishing('key-b');
    await heard(other);
    clock.advance(2_500);
    using client = await publishing('key-a');
    await heard(client);
    const publish = vi.spyOn(stand.hub, 'publish').mockImplementationOnce(() => {
      throw new Error('a fault');
    });
    clock.advance(2_500);
    expect(publish).toHaveBeenCalledOnce();
    await stand.untilLogged('connection closed for a fault of the server');
    other.video(1_000, ...KEY_FRAME);
    await heard(other);
    expect(stand.hub.get('b')?.broadcast.state).toBe('live');
  });

  test('that can is asked to connect anew when the server stops', async () => {
    using client = await publishing('key-a', { capsEx: 1 });
    await heard(client);
    clock.advance(2_500);
    const closing = stand.server.close();
    expect(codeOf(await client.status())).toBe('NetConnection.Connect.ReconnectRequest');
    const [refusal] = await once(connect(stand.port, '127.0.0.1'), 'error');
    expect(refusal).toMatchObject({ code: 'ECONNREFUSED' });
    client.socket.end();
    await closing;
  });

  test('that cannot is told of the end of the stream', async () => {
    using client = await publishing('key-a');
    await heard(client);
    clock.advance(2_500);
    const closing = stand.server.close();
    expect(codeOf(await client.status())).toBe('NetStream.Unpublish.Success');
    client.socket.end();
    await closing;
  });

  test('that was taken over is told so', async () => {
    using first = await publishing('key-a');
    await heard(first);
    clock.advance(2_500);
    using second = await publishing('key-a');
    await heard(second);
    clock.advance(2_500);
    expect(codeOf(await first.status())).toBe('NetStream.Publish.BadName');
    await stand.until('a', (sink) => sink.formats.length === 2);
  });

  test('with the key in the application or behind a query is understood', async () => {
    for (const [app, name] of [
      ['live/key-a', ''],
      ['live', 'key-b?user=x'],
      ['live?x=y', 'live/key-c'],
    ] as const) {
      using client = new RtmpClient(stand.port);
      await client.connect({ app });
      client.command(1, 'publish', 3, null, name, 'live');
      expect(codeOf(await client.status())).toBe('NetStream.Publish.Start');
    }
    expect(stand.server.counters.publishesStarted).toBe(3);
  });

  test('with a wrong application is told the right one', async () => {
    using client = new RtmpClient(stand.port);
    await client.connect({ app: 'stream' });
    await stand.untilLogged('connection closed for what it sent');
    await heard(client).catch(() => {});
    expect(client.commands.map(codeOf)).toContain('NetConnection.Connect.InvalidApp');
  });

  test('of an unknown codec is warned and stays connected', async () => {
    using client = await publishing('key-a');
    client.audio(0, 0xb0, 1, 2, 3);
    expect(codeOf(await client.status())).toBe('NetStream.Publish.TrackNotSupported');
    await heard(client);
    expect(stand.server.counters).toMatchObject({ unsupportedTracks: 1, protocolErrors: 0 });
  });
});

describe('an attacker', () => {
  const basicHello = concat(Uint8Array.of(3), new Uint8Array(2 * 1536));

  async function attack(...bytes: readonly Uint8Array[]): Promise<string> {
    const socket = connect(stand.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    for (const part of bytes) socket.write(part);
    const line = await stand.untilLogged('connection closed for what it sent');
    clock.advance(2_000);
    await new Promise((resolve) => {
      if (socket.destroyed) resolve(undefined);
      else socket.once('close', resolve);
    });
    return 'reason' in line.fields && typeof line.fields.reason === 'string' ? line.fields.reason : '';
  }

  test('with garbage is closed', async () => {
    expect(await attack(Uint8Array.of(7, 7, 7))).toContain('not RTMP');
  });

  test('with a message of 16 MiB before publishing is closed', async () => {
    expect(await attack(basicHello, Uint8Array.of(3, 0, 0, 0, 0xff, 0xff, 0xff, 20, 0, 0, 0, 0))).toContain('exceeds');
  });

  test('with a chunk size of zero is closed', async () => {
    expect(await attack(basicHello, Uint8Array.of(2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0))).toContain('chunk size 0');
  });

  test('with endless nesting is closed', async () => {
    const nested = new Uint8Array(12_000).map((_, i) => [3, 0, 1, 97][i % 4] ?? 0);
    const size = Uint8Array.of(2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 1, 0, 0);
    expect(await attack(basicHello, size, Uint8Array.of(3, 0, 0, 0, 0, 0x2e, 0xe0, 20, 0, 0, 0, 0), nested)).toContain('nests deeper');
  });

  test('with media before a key is closed before it is looked at', async () => {
    expect(await attack(basicHello, new Uint8Array(200_000))).toMatch(/before publishing|length|type/);
  });

  test('with a byte a second is closed after 10 s while others go on', async () => {
    using honest = await publishing('key-a');
    await heard(honest);
    const slow = connect(stand.port, '127.0.0.1');
    slow.on('error', () => {});
    await once(slow, 'connect');
    for (let second = 0; second < NEGOTIATION_TIMEOUT_MS / 1000; second++) {
      slow.write(Uint8Array.of(3));
      honest.video(1_000 * second + 1, ...KEY_FRAME);
      await heard(honest);
      clock.advance(1_000);
    }
    const { fields } = await stand.untilLogged('connection closed for what it sent');
    expect(fields).toMatchObject({ reason: 'nothing published within 10000 ms' });
    expect(stand.hub.get('a')?.broadcast.state).toBe('live');
  });

  test('with a flood of garbage behind an honest publish ends only its own session', async () => {
    using honest = await publishing('key-a');
    await heard(honest);
    clock.advance(2_500);
    using attacker = await publishing('key-b');
    attacker.socket.write(Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) >> 3));
    await stand.untilLogged('connection closed for what it sent');
    await heard(honest);
    expect(stand.hub.get('a')?.broadcast.state).toBe('live');
  });
});
