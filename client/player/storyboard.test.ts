/** Reading preview pictures. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_STORYBOARD_PICTURES, parseStoryboard, pictureAt } from './storyboard.ts';

const URL_OF_FILE = 'https://live.example/hls/abc/storyboard.vtt?token=t';

const LIVE = `WEBVTT

NOTE PROGRAM-DATE-TIME 2026-01-31T12:00:00.000Z

00:00:00.000 --> 00:00:10.000
sprite-0.jpg?token=t#xywh=0,0,160,90

00:00:10.000 --> 00:00:20.000
sprite-0.jpg?token=t#xywh=160,0,160,90

01:00:00.500 --> 01:00:10.500
sprite-9.jpg?token=t#xywh=0,90,160,90
`;

describe('a storyboard', () => {
  it('is the parts of the sheets, with the instant that a live one counts from', () => {
    const { startsAtMs, pictures } = parseStoryboard(LIVE, URL_OF_FILE);
    expect(startsAtMs).toBe(Date.UTC(2026, 0, 31, 12));
    expect(pictures).toHaveLength(3);
    expect(pictures[1]).toEqual({ start: 10, end: 20, url: 'https://live.example/hls/abc/sprite-0.jpg?token=t', x: 160, y: 0, width: 160, height: 90 });
    expect(pictures[2]).toMatchObject({ start: 3600.5, y: 90 });
  });

  it('of a recording counts from its beginning, and may have no picture', () => {
    expect(parseStoryboard('WEBVTT\n', URL_OF_FILE)).toEqual({ startsAtMs: undefined, pictures: [] });
  });

  it('takes times without hours, other line ends and cues with a name', () => {
    const text = 'WEBVTT - pictures\r\n\r\n1\r\n00:05.000 --> 00:06.250 align:start\r\na.jpg#xywh=1,2,3,4\r\n';
    expect(parseStoryboard(text, URL_OF_FILE).pictures).toMatchObject([{ start: 5, end: 6.25, x: 1, y: 2, width: 3, height: 4 }]);
  });

  it.each([
    ['something else', '<!doctype html>\n00:05.000 --> 00:06.000\na.jpg#xywh=0,0,1,1'],
    ['a picture of another site', 'WEBVTT\n\n00:05.000 --> 00:06.000\nhttps://elsewhere.example/a.jpg#xywh=0,0,1,1'],
    ['a script for a picture', 'WEBVTT\n\n00:05.000 --> 00:06.000\njavascript:alert(1)#xywh=0,0,1,1'],
    ['a place without size', 'WEBVTT\n\n00:05.000 --> 00:06.000\na.jpg#xywh=0,0,0,90'],
    ['a place beyond any sheet', 'WEBVTT\n\n00:05.000 --> 00:06.000\na.jpg#xywh=65000,0,1000,90'],
    ['a cue that ends before it begins', 'WEBVTT\n\n00:06.000 --> 00:05.000\na.jpg#xywh=0,0,1,1'],
    ['words', 'WEBVTT\n\n00:05.000 --> 00:06.000\nHello'],
  ])('leaves out %s', (_, text) => {
    expect(parseStoryboard(text, URL_OF_FILE).pictures).toEqual([]);
  });

  it('is bounded', () => {
    const text = `WEBVTT\n\n${'00:05.000 --> 00:06.000\na.jpg#xywh=0,0,1,1\n\n'.repeat(MAX_STORYBOARD_PICTURES + 10)}`;
    expect(parseStoryboard(text, URL_OF_FILE).pictures).toHaveLength(MAX_STORYBOARD_PICTURES);
  });

  it('comes of whatever text there is, earliest picture first', () => {
    const word = fc.oneof(fc.constantFrom(...LIVE.split(/(?<=[\n ])/), '\r', '99999:59:59.999', 'http://', '#xywh=', '\u{feff}'), fc.string());
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), fc.boolean(), (words, isHeaded) => {
        const { pictures } = parseStoryboard((isHeaded ? LIVE : '') + words.join(''), URL_OF_FILE);
        for (const [i, { start, end, url }] of pictures.entries()) {
          expect(start).toBeGreaterThanOrEqual(pictures[i - 1]?.start ?? 0);
          expect(end).toBeGreaterThan(start);
          expect(url.startsWith('https://live.example/')).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the picture of a moment', () => {
  const board = parseStoryboard(LIVE, URL_OF_FILE);

  it.each([
    [0, 0],
    [9.99, 0],
    [10, 160],
    [3605, 0],
  ])('at %d s is the one that was seen then', (seconds, x) => {
    expect(pictureAt(board, seconds)?.x).toBe(x);
  });

  it('stands a little longer where none follows, and is none where there is nothing near', () => {
    expect(pictureAt(board, 29)?.x).toBe(160);
    expect(pictureAt(board, 31)).toBeUndefined();
    expect(pictureAt(board, 3591)?.y).toBeUndefined();
    expect(pictureAt(board, 9000)).toBeUndefined();
    expect(pictureAt(parseStoryboard('', URL_OF_FILE), 3)).toBeUndefined();
  });
});
