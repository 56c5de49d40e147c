/**
 * A sheet of small pictures while it fills: their JPEGs below each other in one, none of them encoded again. In JPEG coding may begin anew
 * after so many blocks (ITU-T T.81 §E.1.4); here that many are a picture.
 */
import { concat, putU16, u16 } from '@millrace/media/big-endian';
import { SHEET_BLOCK, SHEET_PLACES } from '../job.ts';
import type { Size } from './jpeg.ts';

const MARKER = 0xff;
const END_OF_IMAGE = 0xd9;
const START_OF_SCAN = 0xda;
const RESTART_INTERVAL = 0xdd;
const RESTART = 0xd0;
const BASELINE_FRAME = 0xc0;

/** Of a frame header, from its marker on: marker, length, precision. */
const HEIGHT_OFFSET = 5;

export class SheetStrip {
  readonly #tile: Size;
  /** What stands before the pictures; of all that differ in nothing but what they show, it is the same. */
  #tables: Uint8Array | undefined;
  /** The coded pictures, with what parts them. */
  readonly #scans: Uint8Array[] = [];
  #count = 0;

  constructor(tile: Size) {
    this.#tile = tile;
  }

  hasRoomFor({ width, height }: Size): boolean {
    return this.#count < SHEET_PLACES && width === this.#tile.width && height === this.#tile.height;
  }

  /** @param jpeg of the size that all here have, 4:2:0, in one scan, with the tables of all others. Throws when it is no such thing. */
  put(jpeg: Uint8Array): void {
    const { tables, scan } = takeApart(jpeg);
    if (this.#tables && !Buffer.from(this.#tables).equals(tables)) throw new Error('a small picture has other tables than those before it');
    this.#tables ??= new Uint8Array(tables);
    if (this.#count > 0) this.#scans.push(Uint8Array.of(MARKER, RESTART + ((this.#count - 1) % 8)));
    this.#scans.push(new Uint8Array(scan));
    this.#count++;
  }

  /** All that were put so far. */
  toJpeg(): Uint8Array {
    if (!this.#tables) throw new Error('a sheet without pictures is none');
    const { width, height } = this.#tile;
    const [columns, rows] = [blocks(width), blocks(height)];
    const tables = new Uint8Array(this.#tables);
    const { frameAt, scanAt } = segmentsOf(tables);
    putU16(tables, frameAt + HEIGHT_OFFSET, (this.#count - 1) * rows * SHEET_BLOCK + height);
    const interval = new Uint8Array(6);
    interval.set([MARKER, RESTART_INTERVAL, 0, 4]);
    putU16(interval, 4, columns * rows);
    return concat(tables.subarray(0, scanAt), interval, tables.subarray(scanAt), ...this.#scans, Uint8Array.of(MARKER, END_OF_IMAGE));
  }
}

function blocks(length: number): number {
  return Math.ceil(length / SHEET_BLOCK);
}

function takeApart(jpeg: Uint8Array): { readonly tables: Uint8Array; readonly scan: Uint8Array } {
  const { scanEnd } = segmentsOf(jpeg);
  const end = jpeg.length - 2;
  if (u16(jpeg, end) !== ((MARKER << 8) | END_OF_IMAGE)) throw new Error(`a JPEG of ${jpeg.length} bytes has no end`);
  return { tables: jpeg.subarray(0, scanEnd), scan: jpeg.subarray(scanEnd, end) };
}

/** Where the headers of the frame and of the scan begin, and where the latter ends. */
function segmentsOf(jpeg: Uint8Array): { readonly frameAt: number; readonly scanAt: number; readonly scanEnd: number } {
  let frameAt: number | undefined;
  for (let at = 2; at + 4 <= jpeg.length && jpeg[at] === MARKER; ) {
    const marker = jpeg[at + 1];
    const next = at + 2 + u16(jpeg, at + 2);
    if (marker === BASELINE_FRAME) frameAt = at;
    if (marker === START_OF_SCAN && frameAt !== undefined && next <= jpeg.length) return { frameAt, scanAt: at, scanEnd: next };
    at = next;
  }
  throw new Error(`${jpeg.length} bytes are no JPEG with a frame and a scan`);
}
