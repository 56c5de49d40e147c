import { describe, expect, test } from 'vitest';
import { Pacer } from './pacer.ts';

function stand() {
  let nowMs = 1_000;
  const waits: number[] = [];
  const pacer = new Pacer({
    now: () => nowMs,
    wait: async (ms) => {
      waits.push(Math.round(ms));
      nowMs += ms;
    },
  });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { pacer, waits, pass };
}

describe('the pacer', () => {
  test('gives out half a second at once, and the rest in its time', async () => {
    const { pacer, waits } = stand();
    for (const seconds of [10, 10.25, 10.5, 10.75, 11]) await pacer.until(seconds);
    expect(waits).toEqual([250, 250]);
  });

  test('does not hurry after what came late', async () => {
    const { pacer, waits, pass } = stand();
    await pacer.until(0);
    pass(10_000);
    for (const seconds of [1, 1.5, 2]) await pacer.until(seconds);
    expect(waits).toEqual([500]);
  });

  test('goes on from where a source’s clock has jumped', async () => {
    const { pacer, waits } = stand();
    for (const seconds of [0, 1_000, 1_001, 5, 5.25, 6]) await pacer.until(seconds);
    expect(waits).toEqual([500, 500]);
  });
});
