import { describe, expect, test } from 'vitest';
import { Reception } from './reception.ts';

describe('Reception', () => {
  test('has nothing to tell before the first packet', () => {
    expect(new Reception(1, 90_000).report(0)).toBeUndefined();
  });

  test('counts what is lost since the last report and at all, across the wrap', () => {
    const reception = new Reception(7, 90_000);
    for (const sequence of [65_532, 65_533, 65_535, 1]) reception.packet({ sequence, timestamp: 0 }, 0);
    expect(reception.report(0)).toMatchObject({ ssrc: 7, fractionLost: Math.floor((2 * 256) / 6), cumulativeLost: 2, highestSequence: 65_537 });
    for (const sequence of [2, 3]) reception.packet({ sequence, timestamp: 0 }, 0);
    expect(reception.report(0)).toMatchObject({ fractionLost: 0, cumulativeLost: 2, highestSequence: 65_539 });
  });

  test('measures jitter in timestamp units', () => {
    const even = new Reception(1, 90_000);
    const uneven = new Reception(1, 90_000);
    for (let i = 0; i < 200; i++) {
      even.packet({ sequence: i, timestamp: (i * 3_000 + 0xffff0000) % 0x1_0000_0000 }, (i * 1_000_000) / 30);
      uneven.packet({ sequence: i, timestamp: i * 3_000 }, (i * 1_000_000) / 30 + (i % 2) * 10_000);
    }
    expect(even.report(0)?.jitter).toBeLessThanOrEqual(1);
    expect(uneven.report(0)?.jitter).toBeGreaterThan(800);
    expect(uneven.report(0)?.jitter).toBeLessThanOrEqual(900);
  });

  test('answers the sender report it had last', () => {
    const reception = new Reception(1, 48_000);
    reception.packet({ sequence: 1, timestamp: 0 }, 0);
    expect(reception.report(0)).toMatchObject({ lastReport: 0, delaySinceLastReport: 0 });
    reception.senderReport({ middleNtp: 0x12345678 }, 1_000_000);
    expect(reception.report(1_500_000)).toMatchObject({ lastReport: 0x12345678, delaySinceLastReport: 0x8000 });
  });
});
