/** Where playback begins when key frames are far apart. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { independentStart, loadingStart, type Piece } from './start-position.ts';

function pieces(count: number, keyEvery: number): Piece[] {
  return Array.from({ length: count }, (_, index) => ({ start: index * 0.2, duration: 0.2, independent: index % keyEvery === 0 }));
}

it('begins at the last key frame at or before the wanted place', () => {
  expect(independentStart(pieces(100, 40), 11.5)).toBeCloseTo(8);
});

it('takes the first key frame when all lie after the wanted place', () => {
  const late = pieces(10, 10).map((piece) => ({ ...piece, start: piece.start + 5 }));
  expect(independentStart(late, 1)).toBeCloseTo(5);
});

it('leaves the choice alone when no piece says that it is independent', () => {
  const mute = pieces(50, 10).map((piece) => ({ ...piece, independent: false }));
  expect(independentStart(mute, 4)).toBeUndefined();
  expect(loadingStart(mute, 4, 2)).toBeUndefined();
});

it('does not move when a key frame is within the segment', () => {
  expect(loadingStart(pieces(100, 10), 11.5, 2)).toBeUndefined();
});

it('moves when the last key frame is more than a segment back', () => {
  expect(loadingStart(pieces(100, 50), 19, 2)).toBeCloseTo(10);
});

it('never begins after the wanted place when a key frame lies before it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 40, noNaN: true }), (count, keyEvery, wanted) => {
      const found = independentStart(pieces(count, keyEvery), wanted);
      expect(found).toBeDefined();
      expect(found ?? Number.NaN).toBeLessThanOrEqual(wanted + 0.05);
    }),
    { seed: 7 },
  );
});
