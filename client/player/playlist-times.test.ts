/** The wall clock in playlists. */
import { expect, it } from 'vitest';
import { absencesOf, type DatedSegment, wallClockAt } from './playlist-times.ts';

const NOON = Date.UTC(2026, 0, 31, 12);

/** Two seconds each; the publisher was away for a minute before the fourth. */
const SEGMENTS: DatedSegment[] = [0, 2, 4, 66, 68].map((sentAt, i) => ({ start: 10 + i * 2, duration: 2, programDateTime: NOON + sentAt * 1000 }));

it('tells when a picture was taken, before and after a publisher was away', () => {
  expect(wallClockAt(SEGMENTS, 13)).toBe(NOON + 3_000);
  expect(wallClockAt(SEGMENTS, 16.5)).toBe(NOON + 66_500);
});

it('goes on beyond what is listed', () => {
  expect(wallClockAt(SEGMENTS, 9)).toBe(NOON - 1_000);
  expect(wallClockAt(SEGMENTS, 21)).toBe(NOON + 71_000);
});

it('knows nothing without a date', () => {
  expect(wallClockAt([], 3)).toBeUndefined();
  expect(wallClockAt([{ start: 0, duration: 2, programDateTime: null }], 1)).toBeUndefined();
});

it('tells where the publisher was away and for how long, and passes over small differences of clocks', () => {
  expect(absencesOf(SEGMENTS)).toEqual([{ at: 16, seconds: 60 }]);
  expect(absencesOf([...SEGMENTS.slice(0, 3), { start: 16, duration: 2, programDateTime: NOON + 6_400 }])).toEqual([]);
  expect(absencesOf([{ start: 0, duration: 2, programDateTime: null }, ...SEGMENTS.slice(0, 1)])).toEqual([]);
});
