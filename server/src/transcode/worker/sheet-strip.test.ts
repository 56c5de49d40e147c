import { concat, u16 } from '@millrace/media/big-endian';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SHEET_PLACES } from '../job.ts';
import { SheetStrip } from './sheet-strip.ts';

const SIZE = { width: 160, height: 90 };

/** As an encoder writes it: a comment, a frame, a scan, its bytes. */
function jpeg(scan: readonly number[], { comment = 1, height = SIZE.height } = {}): Uint8Array {
  return Uint8Array.of(0xff, 0xd8, 0xff, 0xfe, 0, 3, comment, 0xff, 0xc0, 0, 8, 8, height >> 8, height & 0xff, 0, SIZE.width, 1, 0xff, 0xda, 0, 3, 9, ...scan, 0xff, 0xd9);
}

function heightOf(sheet: Uint8Array): number {
  return u16(sheet, 12);
}

it('puts the coded pictures behind each other, parted so that each begins anew, in one picture as high as all', () => {
  const sheet = new SheetStrip(SIZE);
  sheet.put(jpeg([1, 2, 3]));
  expect(heightOf(sheet.toJpeg())).toBe(90);
  sheet.put(jpeg([4]));
  sheet.put(jpeg([0xff, 0]));
  const whole = sheet.toJpeg();
  // The third ends where it ends, not where its last block does.
  expect(heightOf(whole)).toBe(2 * 96 + 90);
  // Ten blocks in a row and six rows.
  const head = jpeg([]).subarray(0, -2);
  const scanHeader = head.subarray(-5);
  const expected = concat(head.subarray(0, -5), Uint8Array.of(0xff, 0xdd, 0, 4, 0, 60), scanHeader, Uint8Array.of(1, 2, 3, 0xff, 0xd0, 4, 0xff, 0xd1, 0xff, 0, 0xff, 0xd9));
  expected[12] = whole[12] ?? 0;
  expected[13] = whole[13] ?? 0;
  expect(whole).toEqual(expected);
});

it('counts what parts the pictures from 0 to 7, again and again', () => {
  const sheet = new SheetStrip(SIZE);
  for (let i = 0; i < 12; i++) sheet.put(jpeg([i]));
  const scans = sheet.toJpeg().subarray(jpeg([]).length - 2 + 6, -2);
  expect([...scans].filter((_, at) => at % 3 === 2)).toEqual([0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd0, 0xd1, 0xd2]);
});

it('has room for as many as it has places, of the one size', () => {
  const sheet = new SheetStrip(SIZE);
  for (let i = 0; i < SHEET_PLACES; i++) {
    expect(sheet.hasRoomFor(SIZE)).toBe(true);
    expect(sheet.hasRoomFor({ width: 90, height: 160 })).toBe(false);
    sheet.put(jpeg([i]));
  }
  expect(sheet.hasRoomFor(SIZE)).toBe(false);
});

it('takes nothing that the pictures before it do not fit, or that is no picture, whatever it is', () => {
  const sheet = new SheetStrip(SIZE);
  expect(() => sheet.toJpeg()).toThrow('without pictures');
  sheet.put(jpeg([1]));
  const before = sheet.toJpeg();
  expect(() => sheet.put(jpeg([2], { comment: 2 }))).toThrow('other tables');
  for (const bad of [new Uint8Array(0), jpeg([2]).subarray(0, -1), jpeg([2]).subarray(0, 16), Uint8Array.of(0xff, 0xd8, 0xff, 0xd9)]) expect(() => sheet.put(bad)).toThrow();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect(() => sheet.put(bytes)).toThrow();
    }),
  );
  expect(sheet.toJpeg()).toEqual(before);
});
