import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseSheetName, writeStoryboard } from './cues.ts';
import type { Tile } from './storyboard.ts';

function tile(seconds: number, sheet = 0, place = 0): Tile {
  return { seconds, sheet, x: place * 160, y: 0, width: 160, height: 90 };
}

it('shows each picture until the next, and the first from the beginning on', () => {
  const text = writeStoryboard({
    epoch: 'e-1',
    tiles: [tile(1.5), tile(9.5, 0, 1), tile(3599.999, 1)],
    stretches: [{ start: 1, end: 3661.25, shownAt: 0 }],
    query: '?token=t',
  });
  expect(text).toBe(
    [
      'WEBVTT',
      '00:00:00.000 --> 00:00:08.500\nsprite-e-1-0-2.jpg?token=t#xywh=0,0,160,90',
      '00:00:08.500 --> 00:59:58.999\nsprite-e-1-0-2.jpg?token=t#xywh=160,0,160,90',
      '00:59:58.999 --> 01:01:00.250\nsprite-e-1-1-1.jpg?token=t#xywh=0,0,160,90\n',
    ].join('\n\n'),
  );
});

it('counts live times from an instant that it tells', () => {
  const text = writeStoryboard({ epoch: 'e', tiles: [tile(100)], stretches: [{ start: 100, end: 104, shownAt: 100 }], query: '', zeroAt: Date.UTC(2026, 0, 31, 12) });
  expect(text).toBe('WEBVTT\n\nNOTE PROGRAM-DATE-TIME 2026-01-31T12:00:00.000Z\n\n00:01:40.000 --> 00:01:44.000\nsprite-e-0-1.jpg#xywh=0,0,160,90\n');
});

it('moves stretches together, and leaves out what is in none', () => {
  const tiles = [tile(0), tile(8, 0, 1), tile(15, 0, 2), tile(31, 0, 3), tile(50, 0, 4)];
  const stretches = [
    { start: 0, end: 10, shownAt: 0 },
    { start: 30, end: 40, shownAt: 10 },
  ];
  const cues = [...writeStoryboard({ epoch: 'e', tiles, stretches, query: '' }).matchAll(/(\S+) --> (\S+)\n\S+=(\d+),/g)].map(([, from, to, x]) => [from, to, Number(x)]);
  expect(cues).toEqual([
    ['00:00:00.000', '00:00:08.000', 0],
    ['00:00:08.000', '00:00:10.000', 160],
    ['00:00:10.000', '00:00:20.000', 480],
  ]);
});

it('of no pictures has no cue', () => {
  expect(writeStoryboard({ epoch: 'e', tiles: [], stretches: [{ start: 0, end: 10, shownAt: 0 }], query: '' })).toBe('WEBVTT\n');
});

it('names sheets so that they can be told apart again, whatever is in the epoch', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/), fc.nat(999_999), fc.nat(25), (epoch, sheet, count) => {
      expect(parseSheetName(`sprite-${epoch}-${sheet}-${count}.jpg`)).toEqual({ epoch, sheet, count });
    }),
  );
  for (const name of ['sprite-e-1.jpg', 'sprite--1-2.jpg', 'sprite-../x-1-2.jpg', 'sprite-e-1-2.png', 'sprite-e-1234567-2.jpg', 'poster.jpg'])
    expect(parseSheetName(name)).toBeUndefined();
});
