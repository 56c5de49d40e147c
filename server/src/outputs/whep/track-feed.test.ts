import { unwrapRetransmission } from '@millrace/media/rtp/history';
import { type RtpPacket, readRtpPacket } from '@millrace/media/rtp/packet';
import { expect, test } from 'vitest';
import { PacketLog } from './packet-log.ts';
import { TrackFeed } from './track-feed.ts';

/** A log of pictures at 30 a second, of so many packets each. */
function pictures(codec: 'h264' | 'vp9' = 'h264') {
  const log = new PacketLog({ kind: 'video', codec, ssrc: 7, clockRate: 90_000 });
  log.setFormat({ packetize: ({ data }) => Array.from({ length: data.length }, () => new Uint8Array(20)) }, 90_000);
  let number = 0;
  return {
    log,
    picture(key = false, packets = 2): void {
      const pts = 3_000 * number++;
      log.append({ track: 1, dts: pts, pts, key, data: new Uint8Array(packets) });
    },
  };
}

function feedOf(log: PacketLog, payloadType = 96, firstSequence = 100) {
  const sent: RtpPacket[] = [];
  const feed = new TrackFeed({ log, payloadType, firstSequence, send: (packet) => sent.push(readRtpPacket(Buffer.from(packet))) > 0 });
  return { feed, sent, pump: (budget = 1_000) => feed.pump(budget) };
}

test('a viewer who joins begins with the key frame, its frames drawn together up to now', () => {
  const { log, picture } = pictures();
  picture(true);
  for (let i = 0; i < 32; i++) picture();
  const { sent, pump } = feedOf(log);
  pump();
  expect(sent).toHaveLength(66);
  expect(sent.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 66 }, (_, i) => 100 + i));
  const times = sent.map(({ timestamp }) => timestamp);
  expect(times.at(-1)).toBe(32 * 3_000);
  expect(times[0]).toBe(32 * 3_000 - 3_000);
  expect(times.every((time, i) => i === 0 || time >= (times[i - 1] ?? 0))).toBe(true);
  picture();
  pump();
  expect(sent.at(-1)).toMatchObject({ timestamp: 33 * 3_000, marker: true, payloadType: 96, ssrc: 7 });
});

test('a size in another codec comes under its own payload type, and so do its packets when they are asked for again', () => {
  const whole = pictures('vp9');
  const tier = pictures('h264');
  whole.picture(true, 1);
  const sent: RtpPacket[] = [];
  const others = new Map([['h264', { payloadType: 102, retransmission: 103 }]] as const);
  const retransmission = { payloadType: 99, ssrc: 8, firstSequence: 500 };
  const feed = new TrackFeed({ log: whole.log, payloadType: 98, others, firstSequence: 100, retransmission, send: (packet) => sent.push(readRtpPacket(Buffer.from(packet))) > 0 });
  feed.pump(10);
  tier.picture(true, 1);
  feed.switchTo(tier.log);
  feed.pump(10);
  feed.resend(100);
  feed.resend(101);
  expect(sent.map(({ payloadType, sequence, ssrc }) => [payloadType, sequence, ssrc])).toEqual([
    [98, 100, 7],
    [102, 101, 7],
    [99, 500, 8],
    [103, 501, 8],
  ]);
});

test('packets asked for again come in the stream for such packets, which counts for itself', () => {
  const { log, picture } = pictures();
  picture(true, 3);
  const sent: RtpPacket[] = [];
  const retransmission = { payloadType: 97, ssrc: 8, firstSequence: 65_535 };
  const feed = new TrackFeed({ log, payloadType: 96, firstSequence: 100, retransmission, send: (packet) => sent.push(readRtpPacket(Buffer.from(packet))) > 0 });
  feed.pump(10);
  expect([feed.resend(102), feed.resend(100), feed.resend(99)]).toEqual([true, true, false]);
  const again = sent.slice(3);
  expect(again.map(({ payloadType, ssrc, sequence }) => [payloadType, ssrc, sequence])).toEqual([
    [97, 8, 65_535],
    [97, 8, 0],
  ]);
  expect(again.map((packet) => unwrapRetransmission(packet, { ssrc: 7, payloadType: 96 }))).toEqual([sent[2], sent[0]]);
  expect(feed.sent.packets).toBe(3);
});

test('two viewers take the same packets under their own numbers and payload types', () => {
  const { log, picture } = pictures();
  picture(true);
  const one = feedOf(log, 96, 100);
  const two = feedOf(log, 102, 65_535);
  one.pump();
  two.pump();
  expect(one.sent.map(({ sequence, payloadType }) => [sequence, payloadType])).toEqual([
    [100, 96],
    [101, 96],
  ]);
  expect(two.sent.map(({ sequence, payloadType }) => [sequence, payloadType])).toEqual([
    [65_535, 102],
    [0, 102],
  ]);
});

test('without a key frame it waits for one', () => {
  const { log, picture } = pictures();
  picture();
  const { feed, sent, pump } = feedOf(log);
  pump();
  expect(feed.needsKeyFrame).toBe(true);
  expect(sent).toHaveLength(0);
  picture(true, 3);
  pump();
  expect(sent).toHaveLength(3);
  expect(feed.needsKeyFrame).toBe(false);
});

test('a burst is sent in pieces', () => {
  const { log, picture } = pictures();
  picture(true, 100);
  const { sent, pump } = feedOf(log);
  expect(pump(40)).toBe(0);
  expect(sent).toHaveLength(40);
  expect(pump(40)).toBe(0);
  expect(pump(40)).toBe(20);
  expect(sent).toHaveLength(100);
});

test('packets asked for again come under the number they had, also from before a skip', () => {
  const { log, picture } = pictures();
  picture(true);
  picture();
  const { feed, sent, pump } = feedOf(log);
  pump();
  feed.awaitKeyFrame();
  picture();
  picture(true);
  pump();
  expect(sent.map(({ sequence }) => sequence)).toEqual([100, 101, 102, 103, 104, 105]);
  for (const original of [...sent]) {
    expect(feed.resend(original.sequence)).toBe(true);
    expect(sent.at(-1)).toEqual(original);
  }
  expect(feed.resend(99)).toBe(false);
  expect(feed.resend(106)).toBe(false);
  expect(feed.sent.packets).toBe(6);
});

test('a viewer whom the log has left behind goes on with the next key frame, without a gap in its numbers', () => {
  const { log, picture } = pictures();
  picture(true);
  const { feed, sent, pump } = feedOf(log);
  pump();
  for (let i = 0; i < 1_500; i++) picture();
  pump();
  expect(sent).toHaveLength(2);
  expect(feed.skipped).toBeGreaterThan(0);
  expect(feed.needsKeyFrame).toBe(true);
  picture(true);
  picture();
  pump();
  expect(sent.map(({ sequence }) => sequence)).toEqual([100, 101, 102, 103, 104, 105]);
  expect(sent.at(-1)?.timestamp).toBe(1_502 * 3_000);
});

test('a slow network gets key frames alone until it is better', () => {
  const { log, picture } = pictures();
  picture(true);
  const { feed, sent, pump } = feedOf(log);
  pump();
  feed.keyFramesOnly = true;
  for (let i = 0; i < 5; i++) {
    picture();
    pump();
  }
  expect(sent).toHaveLength(2);
  picture(true);
  pump();
  expect(sent).toHaveLength(4);
  feed.keyFramesOnly = false;
  picture();
  pump();
  picture(true);
  picture();
  pump();
  expect(sent.at(-1)?.timestamp).toBe(9 * 3_000);
});

test('sound that comes too late to begin with is left out, its numbers are not', () => {
  const log = new PacketLog({ kind: 'audio', codec: 'opus', ssrc: 8, clockRate: 48_000 });
  log.setFormat({ packetize: ({ data }) => [new Uint8Array(12 + data.length)] }, 48_000);
  const sent: RtpPacket[] = [];
  const feed = new TrackFeed({ log, payloadType: 111, firstSequence: 7, send: (packet) => sent.push(readRtpPacket(Buffer.from(packet))) > 0, isLate: (seconds) => seconds < 1 });
  for (let i = 0; i < 100; i++) log.append({ track: 2, dts: i * 960, pts: i * 960, key: true, data: new Uint8Array(4) });
  feed.pump(1_000);
  expect(sent).toHaveLength(50);
  expect(sent[0]).toMatchObject({ sequence: 7, timestamp: 48_000 });
  expect(feed.resend(7)).toBe(true);
  expect(sent.at(-1)).toEqual(sent[0]);
});

test('sound begins live', () => {
  const log = new PacketLog({ kind: 'audio', codec: 'opus', ssrc: 8, clockRate: 48_000 });
  log.setFormat({ packetize: ({ data }) => [new Uint8Array(12 + data.length)] }, 48_000);
  const sound = (pts: number) => log.append({ track: 2, dts: pts, pts, key: true, data: new Uint8Array(4) });
  sound(0);
  const { sent, pump } = feedOf(log, 111);
  pump();
  expect(sent).toHaveLength(0);
  sound(960);
  pump();
  expect(sent).toEqual([expect.objectContaining({ timestamp: 960, marker: false, payloadType: 111 })]);
});

/** Two sizes of one picture, drawn at the same times. */
function sizes() {
  const large = pictures();
  const small = pictures();
  const world = feedOf(large.log);
  const draw = (key = false) => {
    small.picture(key);
    large.picture(key, 4);
    world.pump();
  };
  return { large, small, draw, ...world };
}

test('a viewer goes over to another size at its key frame, with numbers and times that go on', () => {
  const { feed, small, draw, sent } = sizes();
  draw(true);
  for (let i = 0; i < 4; i++) draw();
  feed.switchTo(small.log);
  draw();
  expect(feed.target).toBe(small.log);
  expect(feed.log).not.toBe(small.log);
  expect(sent).toHaveLength(24);
  draw(true);
  draw();
  expect(feed.log).toBe(small.log);
  expect(sent.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 28 }, (_, i) => 100 + i));
  expect(sent.slice(24).map(({ timestamp }) => timestamp)).toEqual([18_000, 18_000, 21_000, 21_000]);
  expect(new Set(sent.map(({ ssrc }) => ssrc)).size).toBe(1);
});

test('a key frame of the moment that was just shown comes a tick later, an older one not at all', () => {
  const { feed, small, large, draw, sent, pump } = sizes();
  draw(true);
  for (let i = 0; i < 9; i++) draw();
  feed.switchTo(small.log);
  pump();
  expect(feed.log).toBe(large.log);
  large.picture(true, 4);
  pump();
  small.picture(true);
  pump();
  expect(feed.log).toBe(small.log);
  expect(sent.slice(-3).map(({ timestamp }) => timestamp)).toEqual([30_000, 30_001, 30_001]);
});

test('a picture that is half sent is sent whole before the size changes', () => {
  const { feed, small, large, draw, sent, pump } = sizes();
  draw(true);
  large.picture(true, 4);
  pump(2);
  small.picture();
  small.picture(true);
  feed.switchTo(small.log);
  pump();
  expect(sent.map(({ marker }) => marker)).toEqual([false, false, false, true, false, false, false, true, false, true]);
});

test('packets from before the change of size come again as they were', () => {
  const { feed, small, draw, sent } = sizes();
  draw(true);
  feed.switchTo(small.log);
  draw(true);
  for (const original of [...sent]) {
    expect(feed.resend(original.sequence)).toBe(true);
    expect(sent.at(-1)).toEqual(original);
  }
});

test('a change of mind before the key frame leaves everything as it is', () => {
  const { feed, small, large, draw, sent } = sizes();
  draw(true);
  feed.switchTo(small.log);
  feed.switchTo(large.log);
  draw(true);
  expect(feed.log).toBe(large.log);
  expect(sent).toHaveLength(8);
});

test('between sizes in step nothing is shown twice or left out, though one is made later than the other', () => {
  const { feed, small, large, draw, sent, pump } = sizes();
  draw(true);
  for (let i = 0; i < 10; i++) draw();
  feed.switchTo(small.log, { inStep: true });
  // Its own key frame comes first, and is held back with what follows.
  large.picture(true, 4);
  large.picture();
  pump();
  expect(sent.at(-1)?.timestamp).toBe(30_000);
  small.picture(true);
  pump();
  expect(feed.log).toBe(small.log);
  small.picture();
  pump();

  // On the way back what is still made of before the key frame is waited for.
  feed.switchTo(large.log, { inStep: true });
  large.picture();
  large.picture(true, 4);
  pump();
  expect(feed.log).toBe(small.log);
  small.picture();
  pump();
  small.picture(true);
  pump();
  expect(feed.log).toBe(large.log);
  expect([...new Set(sent.map(({ timestamp }) => timestamp))]).toEqual(Array.from({ length: 15 }, (_, i) => 3_000 * i));
});

test('a size in step that does not come is waited for a moment only, once', () => {
  const { feed, small, large, sent, pump } = sizes();
  large.picture(true, 4);
  pump();
  feed.switchTo(small.log, { inStep: true });
  large.picture(true, 4);
  for (let i = 0; i < 8; i++) large.picture(false, 1);
  pump();
  expect(sent).toHaveLength(4);
  for (let i = 0; i < 2; i++) large.picture(false, 1);
  pump();
  expect(sent).toHaveLength(18);
  large.picture(true, 4);
  pump();
  expect(sent).toHaveLength(22);
});

test('a size in step that is behind for good is begun with what was shown already, in no time, and is live from then on', () => {
  const { feed, small, large, sent, pump } = sizes();
  large.picture(true, 4);
  for (let i = 0; i < 5; i++) large.picture();
  pump();
  feed.switchTo(small.log, { inStep: true });
  small.picture(true);
  for (let i = 0; i < 3; i++) small.picture();
  pump();
  expect(feed.log).toBe(small.log);
  for (let i = 0; i < 4; i++) small.picture();
  pump();
  const times = [...new Set(sent.map(({ timestamp }) => timestamp))];
  expect(times.slice(0, 6)).toEqual([0, 3_000, 6_000, 9_000, 12_000, 15_000]);
  expect(times.slice(6)).toEqual([15_001, 15_095, 15_189, 15_282, 15_376, 15_470, 18_000, 21_000]);
  const before = [...sent];
  for (const original of before) {
    expect(feed.resend(original.sequence)).toBe(true);
    expect(sent.at(-1)).toEqual(original);
  }
});
