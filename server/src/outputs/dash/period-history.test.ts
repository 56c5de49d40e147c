/** How a broadcast is divided into periods: by the clock while segments keep step, by lists once they did not. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ClosedSegment, PeriodHistory } from './period-history.ts';

const FPS_30 = { segmentSeconds: 2, frameSeconds: 1 / 30, isSound: false, isOver: false };

type Change = Partial<Omit<ClosedSegment, 'msn' | 'start' | 'seconds'>>;

/** Feeds segments of these durations, one after the other, from number 3 on. */
class Feed {
  readonly history: PeriodHistory;
  #msn = 3;
  #at = 0;

  constructor(history = new PeriodHistory(FPS_30)) {
    this.history = history;
  }

  send(durations: readonly number[], change: Change = {}): this {
    for (const seconds of durations) {
      this.history.see({ msn: this.#msn++, start: this.#at, seconds, discontinuitySequence: 0, final: false, silent: '', tiers: '', gap: false, ...change });
      this.#at += seconds;
    }
    return this;
  }
}

const times = (count: number, seconds: number): number[] => Array.from({ length: count }, () => seconds);

describe('the first segment', () => {
  test.each([
    [1, 2],
    [2, 2],
    [0.5, 2],
    [3, 3],
    [8.333, 8.333],
  ])('of %f s tells that the others last %f s', (first, usual) => {
    const { periods } = new Feed().send([first]).history;
    expect(periods).toEqual([{ firstMsn: 4, start: first, discontinuitySequence: 0, segmentSeconds: expect.closeTo(usual, 3), last: undefined }]);
  });

  test('is not enough to tell of a broadcast that is over', () => {
    const { periods } = new Feed(new PeriodHistory({ ...FPS_30, isOver: true })).send([1, 2]).history;
    expect(periods).toMatchObject([{ firstMsn: 3, segmentSeconds: undefined }]);
  });
});

test('durations that are rounded to milliseconds do not add up: an hour at 29.97 fps is one period', () => {
  const feed = new Feed(new PeriodHistory({ ...FPS_30, frameSeconds: 1001 / 30_000 }));
  const { periods } = feed.send([1.001, ...Array.from({ length: 1800 }, (_, i) => (i % 3 === 0 ? 2.003 : 2.0015))]).history;
  expect(periods).toHaveLength(1);
  expect(periods[0]?.segmentSeconds).toBeCloseTo(2.002, 6);
});

test('a tier that begins or ends does so with a period of its own, at the same step', () => {
  const feed = new Feed()
    .send([1, ...times(4, 2)])
    .send(times(3, 2), { tiers: '480p 360p' })
    .send(times(2, 2));
  expect(feed.history.periods).toMatchObject([
    { firstMsn: 4, segmentSeconds: 2, last: { msn: 8 } },
    { firstMsn: 9, start: 11, segmentSeconds: 2, last: { msn: 11 } },
    { firstMsn: 12, segmentSeconds: 2, last: undefined },
  ]);
});

test('tiers come and go in a broadcast that is told by lists too', () => {
  const { periods } = new Feed().send([1, 2, 2, 5, 2]).send(times(2, 2), { tiers: '360p' }).history;
  expect(periods.at(-2)).toMatchObject({ segmentSeconds: undefined, last: { msn: 8 } });
  expect(periods.at(-1)).toMatchObject({ firstMsn: 9, segmentSeconds: undefined, last: undefined });
});

test('a slow drift begins a period anew, with the duration that was measured', () => {
  const { periods } = new Feed(new PeriodHistory({ ...FPS_30, frameSeconds: undefined })).send([1, ...times(20, 2.02)]).history;
  expect(periods).toMatchObject([
    { firstMsn: 4, segmentSeconds: 2, last: { msn: 16 } },
    { firstMsn: 17, last: undefined },
  ]);
  expect(periods[1]?.segmentSeconds).toBeCloseTo(2.02);
});

test.each([
  [1.2, 2.4, 2],
  [1.5, 3, 2],
])('a first guess that is wrong is made good once: after %f s not %f s, but %f s', (first, guess, usual) => {
  const { periods } = new Feed().send([first, ...times(10, usual)]).history;
  expect(periods.map((period) => period.segmentSeconds)).toEqual([expect.closeTo(guess), expect.closeTo(usual)]);
});

test('a key frame out of turn makes lists of the rest, after the next discontinuity too', () => {
  const feed = new Feed().send([1, ...times(5, 2), 3.3, 3.3, 2]);
  expect(feed.history.periods).toMatchObject([
    { firstMsn: 4, segmentSeconds: 2, last: { msn: 9 } },
    { firstMsn: 10, segmentSeconds: undefined, last: undefined },
  ]);
  feed.send([2, 2], { discontinuitySequence: 1 });
  expect(feed.history.periods.at(-1)).toMatchObject({ firstMsn: 12, segmentSeconds: undefined });
});

test('a period ends with the publisher, and the next begins with the first segment of its return', () => {
  const feed = new Feed().send([1, 2, 2]).send([0.7], { final: true });
  expect(feed.history.periods).toMatchObject([{ firstMsn: 4, last: { msn: 6, end: 5.7 } }]);
  feed.send([2, 2], { discontinuitySequence: 1 });
  expect(feed.history.periods.at(-1)).toMatchObject({ firstMsn: 7, start: 5.7, segmentSeconds: 2, last: undefined });
});

test('a publisher that leaves before a second segment leaves no period', () => {
  const feed = new Feed().send([1]);
  feed.send([2], { discontinuitySequence: 1 });
  expect(feed.history.periods).toMatchObject([{ firstMsn: 4, start: 1, segmentSeconds: 2 }]);
});

test.each<[string, Change]>([
  ['that another rendition misses', { silent: 'audio' }],
  ['without media', { gap: true }],
])('a segment %s ends addresses by the clock', (_, change) => {
  const { periods } = new Feed().send([1, 2, 2]).send([2], change).send([2, 2]).history;
  expect(periods).toMatchObject([
    { segmentSeconds: 2, last: expect.anything() },
    { segmentSeconds: undefined, last: undefined },
  ]);
});

test('what left the window is forgotten, what grows is not', () => {
  const { history } = new Feed().send([1, ...times(5, 2), 5, 2, 2]);
  history.trim(100);
  expect(history.periods).toMatchObject([{ firstMsn: 10, last: undefined }]);
});

const SEGMENT = fc.record({
  seconds: fc.oneof(fc.constantFrom(1, 2, 2, 2, 2.002, 3.3), fc.double({ min: 0.03, max: 10.25, noNaN: true })),
  /** One in twelve. */
  rare: fc.constantFrom('gap', 'final', 'silent', 'tier', ...Array.from({ length: 44 }, () => 'none' as const)),
});

test('whatever comes: periods follow each other, none is changed once it was told, and addresses by the clock stay near the media', () => {
  fc.assert(
    fc.property(fc.array(SEGMENT, { maxLength: 120 }), (segments) => {
      const history = new PeriodHistory(FPS_30);
      let start = 0;
      let discontinuitySequence = 0;
      let told = new Map<number, string>();
      for (const [i, { seconds, rare }] of segments.entries()) {
        history.see({
          msn: i,
          start,
          seconds,
          discontinuitySequence,
          final: rare === 'final',
          gap: rare === 'gap',
          silent: rare === 'silent' ? 'audio' : '',
          tiers: rare === 'tier' ? '360p' : '',
        });
        const { periods } = history;
        const open = periods.at(-1);
        if (open && !open.last && open.segmentSeconds !== undefined && i >= open.firstMsn) {
          const drift = Math.abs(start + seconds - (open.start + (i - open.firstMsn + 1) * open.segmentSeconds));
          expect(drift).toBeLessThanOrEqual(0.2501);
        }
        for (const [j, period] of periods.entries()) {
          const before = periods[j - 1];
          expect(before === undefined || (before.last !== undefined && before.last.msn < period.firstMsn && before.last.end <= period.start + 1e-6)).toBe(true);
          const text = JSON.stringify({ ...period, last: undefined });
          expect(told.get(period.firstMsn) ?? text).toBe(text);
        }
        told = new Map(periods.map((period) => [period.firstMsn, JSON.stringify({ ...period, last: undefined })]));
        start += seconds;
        if (rare === 'final') discontinuitySequence++;
      }
    }),
    {
      numRuns: 500,
      examples: [
        [
          [
            { seconds: 1, rare: 'none' },
            { seconds: 2, rare: 'gap' },
            { seconds: 2, rare: 'none' },
          ],
        ],
        [
          [
            { seconds: 1, rare: 'none' },
            { seconds: 0.03, rare: 'gap' },
            { seconds: 0.03, rare: 'tier' },
            { seconds: 0.03, rare: 'final' },
            { seconds: 1, rare: 'none' },
          ],
        ],
      ],
    },
  );
});
