import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JitterBuffer } from './jitter-buffer.ts';
import { sequenceAfter, sequenceDistance } from './sequence.ts';

interface Numbered {
  readonly sequence: number;
}

const HOLD_MS = 200;
const buffer = () => new JitterBuffer<Numbered>({ holdMs: HOLD_MS });

/** Pushes numbers at one moment, returns the numbers delivered then; a loss before one makes it negative. */
function step(jitter: JitterBuffer<Numbered>, nowMs: number, ...sequences: readonly number[]): number[] {
  for (const sequence of sequences) jitter.push({ sequence }, nowMs);
  return jitter.take(nowMs).map(({ packet, afterLoss }) => (afterLoss ? -packet.sequence : packet.sequence));
}

describe('JitterBuffer', () => {
  test('lets packets in order through at once', () => {
    const jitter = buffer();
    expect(step(jitter, 0, 65_534)).toEqual([65_534]);
    expect(step(jitter, 1, 65_535, 0, 1)).toEqual([65_535, 0, 1]);
    expect(jitter.isWaiting).toBe(false);
  });

  test('holds back what overtook another packet', () => {
    const jitter = buffer();
    expect(step(jitter, 0, 1, 3, 4)).toEqual([1]);
    expect(jitter.isWaiting).toBe(true);
    expect(step(jitter, 5, 2)).toEqual([2, 3, 4]);
    expect(jitter.counters).toMatchObject({ recovered: 1, lost: 0 });
  });

  test('gives a packet up when its time is over, and says so once', () => {
    const jitter = buffer();
    expect(step(jitter, 0, 1, 3, 5)).toEqual([1]);
    expect(step(jitter, HOLD_MS - 1)).toEqual([]);
    expect(step(jitter, HOLD_MS, 6)).toEqual([-3, -5, 6]);
    expect(step(jitter, HOLD_MS, 2)).toEqual([]);
    expect(jitter.counters).toMatchObject({ lost: 2, late: 1 });
  });

  test('asks for missing packets after a moment, again after a round trip, and not for ever', () => {
    const jitter = buffer();
    step(jitter, 0, 65_535, 2, 4);
    expect(jitter.requests(5, 40)).toEqual([]);
    expect(jitter.requests(10, 40)).toEqual([0, 1, 3]);
    expect(jitter.requests(60, 40)).toEqual([]);
    step(jitter, 65, 1);
    expect(jitter.requests(70, 40)).toEqual([0, 3]);
    let asked = 2;
    for (let now = 100; now < 10_000; now += 100) asked += jitter.requests(now, 40).filter((sequence) => sequence === 0).length;
    expect(asked).toBe(8);
  });

  test('counts packets that come twice', () => {
    const jitter = buffer();
    expect(step(jitter, 0, 1, 3, 3)).toEqual([1]);
    expect(step(jitter, 1, 1)).toEqual([]);
    expect(jitter.counters).toMatchObject({ duplicates: 1, late: 1 });
  });

  test('ignores a stray number, and follows a sender that begins anew', () => {
    const jitter = buffer();
    expect(step(jitter, 0, 1, 2, 30_000)).toEqual([1, 2]);
    expect(step(jitter, 1, 3)).toEqual([3]);
    expect(step(jitter, 2, 5, 40_000, 40_001, 40_002)).toEqual([-5, -40_001, 40_002]);
    expect(jitter.counters.resets).toBe(1);
  });

  test('waits for nothing from before an outage, however long that was', () => {
    const jitter = buffer();
    expect(step(jitter, 0, 1, 2, 4)).toEqual([1, 2]);
    jitter.giveUp();
    expect(step(jitter, 5_000)).toEqual([-4]);
    // Late ones, then those that were sent after the outage.
    expect(step(jitter, 5_000, 3, 2_000, 2_001)).toEqual([-2_000, 2_001]);
    expect(jitter.requests(6_000, 40)).toEqual([]);
    expect(jitter.counters).toMatchObject({ lost: 1 + 1_995, late: 1, resets: 0 });
    expect(step(jitter, 6_000, 2_003, 2_002)).toEqual([2_002, 2_003]);
  });

  test('has nothing to give up where nothing is missing', () => {
    const jitter = buffer();
    jitter.giveUp();
    expect(step(jitter, 0, 65_535)).toEqual([65_535]);
    jitter.giveUp();
    expect(step(jitter, 2_000, 0, 1)).toEqual([0, 1]);
  });

  test('holds no more than its window, however much is missing', () => {
    const jitter = buffer();
    step(jitter, 0, 0);
    let delivered = 0;
    for (let i = 1; i < 5_000; i++) delivered += step(jitter, 0, (i * 2) % 0x1_0000).length;
    expect(delivered).toBeGreaterThan(4_000);
    expect(jitter.requests(100, 10).length).toBeLessThanOrEqual(1_024);
  });

  test('[hostile network] delivers each packet at most once, in rising order, and says where some are missing', () => {
    const arrival = fc.record({
      sequence: fc.oneof({ weight: 20, arbitrary: fc.nat(60) }, { weight: 1, arbitrary: fc.nat(65_535) }),
      afterMs: fc.nat(60),
      outage: fc.nat(30).map((n) => n === 0),
    });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 200 }), fc.nat(65_535), (arrivals, base) => {
        const jitter = buffer();
        let nowMs = 0;
        let last: number | undefined;
        for (const { sequence, afterMs, outage } of arrivals) {
          nowMs += afterMs;
          if (outage) jitter.giveUp();
          jitter.push({ sequence: sequenceAfter(base, sequence) }, nowMs);
          const resets = jitter.counters.resets;
          for (const { packet, afterLoss } of jitter.take(nowMs)) {
            const distance = last === undefined ? 1 : sequenceDistance(last, packet.sequence);
            if (!afterLoss) expect(distance).toBe(1);
            else if (resets === 0) expect(distance).toBeGreaterThan(1);
            last = packet.sequence;
          }
          expect(jitter.requests(nowMs, 20).length).toBeLessThanOrEqual(1_024);
        }
      }),
      { seed: 20_261_127, numRuns: 300 },
    );
  });

  test('[repaired loss] delivers everything when every packet comes in time', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(
          Array.from({ length: 100 }, (_, i) => i),
          { minLength: 100 },
        ),
        fc.nat(65_535),
        (order, base) => {
          const jitter = buffer();
          const sequences = [0, ...order.map((i) => i + 1)].map((i) => sequenceAfter(base, i));
          expect(step(jitter, 0, ...sequences)).toEqual(Array.from({ length: 101 }, (_, i) => sequenceAfter(base, i)));
        },
      ),
      { seed: 20_261_128 },
    );
  });
});
