import { expect, it } from 'vitest';
import { SHEET_SIDE } from '../job.ts';
import { SheetCanvas } from './sheet-canvas.ts';

/** A picture of 4×2: luma and both chromas say which. */
function picture(number: number): Uint8Array {
  return Uint8Array.of(...Array.from({ length: 8 }, () => number), ...Array.from({ length: 2 }, () => number + 100), ...Array.from({ length: 2 }, () => number + 200));
}

it('fills its places row by row, in all three planes, and is black elsewhere', () => {
  const sheet = new SheetCanvas({ width: 4, height: 2 });
  const { width, height } = sheet.size;
  expect(sheet.size).toEqual({ width: 4 * SHEET_SIDE, height: 2 * SHEET_SIDE });
  for (let i = 1; i <= SHEET_SIDE + 2; i++) sheet.put(picture(i));
  const luma = (x: number, y: number) => sheet.bytes[y * width + x];
  const chroma = (plane: number, x: number, y: number) => sheet.bytes[width * height + plane * ((width * height) / 4) + y * (width / 2) + x];
  for (let i = 0; i < SHEET_SIDE * SHEET_SIDE; i++) {
    const [column, row] = [i % SHEET_SIDE, Math.floor(i / SHEET_SIDE)];
    const isFilled = i < SHEET_SIDE + 2;
    for (const x of [0, 3]) for (const y of [0, 1]) expect(luma(column * 4 + x, row * 2 + y)).toBe(isFilled ? i + 1 : 0);
    for (const x of [0, 1]) expect([chroma(0, column * 2 + x, row), chroma(1, column * 2 + x, row)]).toEqual(isFilled ? [i + 101, i + 201] : [128, 128]);
  }
});

it('has room for as many as it has places, of the one size', () => {
  const sheet = new SheetCanvas({ width: 4, height: 2 });
  for (let i = 0; i < SHEET_SIDE * SHEET_SIDE; i++) {
    expect(sheet.hasRoomFor({ width: 4, height: 2 })).toBe(true);
    expect(sheet.hasRoomFor({ width: 2, height: 4 })).toBe(false);
    sheet.put(picture(1));
  }
  expect(sheet.hasRoomFor({ width: 4, height: 2 })).toBe(false);
  expect(() => new SheetCanvas({ width: 4, height: 2 }).put(new Uint8Array(5))).toThrow('no picture of 4×2');
});
