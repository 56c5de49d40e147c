import { expect, it } from 'vitest';
import { Storyboard } from './storyboard.ts';

const PLACE = { x: 0, y: 0, width: 160, height: 90 };

/** Sheets of two pictures, one every ten seconds. */
function filled(pictures: number, between: (storyboard: Storyboard) => void = () => {}): Storyboard {
  const storyboard = new Storyboard('epoch');
  for (let i = 0; i < pictures; i++) {
    storyboard.add(i * 10, { poster: new Uint8Array(i === 1 ? 9 : 5), sheet: Uint8Array.of(i), place: { ...PLACE, x: (i % 2) * 160 }, isFirst: i % 2 === 0 });
    between(storyboard);
  }
  return storyboard;
}

it('puts pictures into sheets, the last of which grows', () => {
  const { sheets, tiles } = filled(3);
  expect(sheets.map(({ number, image, tiles: own }) => [number, image, own.length])).toEqual([
    [0, Uint8Array.of(1), 2],
    [1, Uint8Array.of(2), 1],
  ]);
  expect(tiles.map(({ seconds, sheet, x }) => [seconds, sheet, x])).toEqual([
    [0, 0, 0],
    [10, 0, 160],
    [20, 1, 0],
  ]);
});

it('keeps the poster that shows the most', () => {
  expect(filled(4).poster).toHaveLength(9);
});

it('holds few sheets in memory: the oldest that nobody stored goes, stored ones stay by their path', () => {
  expect(filled(20).sheets.map(({ number }) => number)).toEqual([7, 8, 9]);
  const stored = filled(20, (storyboard) => {
    for (const { number } of [...storyboard.sheets]) storyboard.stored(number, `sheet ${number}`);
  });
  expect(stored.sheets).toHaveLength(10);
  expect(stored.find(8)?.image).toBe('sheet 8');
  // It may get another picture yet.
  expect(stored.find(9)?.image).toEqual(Uint8Array.of(19));
});

it('forgets sheets that are wholly behind the window, never the last', () => {
  const storyboard = filled(6);
  expect(storyboard.trim(19.9)).toEqual([]);
  expect(storyboard.trim(20)).toEqual([0]);
  expect(storyboard.trim(Number.POSITIVE_INFINITY)).toEqual([1]);
  expect(storyboard.tiles.map(({ seconds }) => seconds)).toEqual([40, 50]);
});

it('has nothing, and takes nothing, once nothing is kept of its broadcast', () => {
  const storyboard = filled(4, (made) => made.discard());
  expect(storyboard.sheets).toEqual([]);
});
