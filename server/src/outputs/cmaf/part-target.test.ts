/** The one PART-TARGET fits the frames of every track, whatever rounding did to their times. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { choosePartTarget } from './part-target.ts';

function times(frameSeconds: number, coarse: boolean): number[] {
  return Array.from({ length: 10 }, (_, i) => (coarse ? Math.floor(i * frameSeconds * 1000) / 1000 : i * frameSeconds));
}

test.each([
  ['30', 1 / 30, 0.2, 0.203],
  ['29.97', 1001 / 30_000, 0.2, 0.203],
  ['60', 1 / 60, 0.2, 0.203],
  ['25', 1 / 25, 0.2, 0.202],
])('%s fps in milliseconds', (_name, frame, least, most) => {
  const target = choosePartTarget({ times: times(frame, true), others: [1024 / 48_000], coarse: true, wantedSeconds: 0.2 });
  expect(target).toBeGreaterThanOrEqual(least);
  expect(target).toBeLessThanOrEqual(most);
});

test('frames longer than wanted make the target', () => {
  expect(choosePartTarget({ times: [0, 2, 4], others: [], coarse: false, wantedSeconds: 0.2 })).toBe(2);
});

test('without frames the wanted duration is taken', () => {
  expect(choosePartTarget({ times: [], others: [], coarse: true, wantedSeconds: 0.2 })).toBe(0.2);
});

test('a part of whole frames fills at least 85 % of the target', () => {
  fc.assert(
    fc.property(fc.integer({ min: 5, max: 120 }), fc.boolean(), (rate, coarse) => {
      const target = choosePartTarget({ times: times(1 / rate, coarse), others: [], coarse, wantedSeconds: 0.2 });
      const frames = Math.floor((target + 1e-9) * rate);
      expect(frames / rate).toBeGreaterThanOrEqual(0.85 * target);
    }),
  );
});
