import { expect, test } from 'vitest';
import { OpusDepacketizer, OpusPacketizer } from './opus.ts';
import { carry } from './testing/carry.ts';

const packet = (bytes: number) => ({ key: true, data: new Uint8Array(bytes).fill(0xfc) });

test('Opus packets travel one to a packet', () => {
  const units = [packet(3), packet(640), packet(1)];
  const depacketizer = new OpusDepacketizer();
  expect(carry(units, { packetizer: new OpusPacketizer(), depacketizer })).toEqual(units.map((unit, timestamp) => ({ ...unit, timestamp, afterLoss: false })));
  expect(depacketizer.format).toMatchObject({ codec: 'opus', sampleRate: 48_000, channels: 2 });
  expect(depacketizer.format.config).toHaveLength(11);
});

test('Opus packets that cannot travel are left out, and a loss is told', () => {
  expect(new OpusPacketizer().packetize(packet(1_500))).toEqual([]);
  const frames = carry([packet(3), packet(4), packet(5)], { packetizer: new OpusPacketizer(), depacketizer: new OpusDepacketizer(), isLost: (count) => count === 1 });
  expect(frames.map(({ timestamp, afterLoss }) => [timestamp, afterLoss])).toEqual([
    [0, false],
    [2, true],
  ]);
});
