/** A sheet of small pictures while it fills: planes of 4:2:0 without padding, row by row from the top left. */
import { SHEET_SIDE } from '../job.ts';
import type { Size } from './jpeg.ts';

/** Of a picture without colour. */
const GREY = 128;

export class SheetCanvas {
  readonly size: Size;
  readonly bytes: Buffer;
  readonly #tile: Size;
  #count = 0;

  /** @param tile both sides are even. */
  constructor(tile: Size) {
    this.#tile = tile;
    this.size = { width: tile.width * SHEET_SIDE, height: tile.height * SHEET_SIDE };
    const luma = this.size.width * this.size.height;
    // Black, until there is something.
    this.bytes = Buffer.alloc(luma * 1.5, GREY).fill(0, 0, luma);
  }

  hasRoomFor({ width, height }: Size): boolean {
    return this.#count < SHEET_SIDE * SHEET_SIDE && width === this.#tile.width && height === this.#tile.height;
  }

  /** @param picture planes of 4:2:0 without padding, of the size that all pictures here have. */
  put(picture: Uint8Array): void {
    const { width, height } = this.#tile;
    if (picture.length !== width * height * 1.5) throw new Error(`${picture.length} bytes are no picture of ${width}×${height}`);
    const column = this.#count % SHEET_SIDE;
    const row = Math.floor(this.#count / SHEET_SIDE);
    this.#count++;
    let from = 0;
    let to = 0;
    for (const scale of [1, 2, 2]) {
      const tile = { width: width / scale, height: height / scale };
      const stride = tile.width * SHEET_SIDE;
      for (let y = 0; y < tile.height; y++, from += tile.width) {
        this.bytes.set(picture.subarray(from, from + tile.width), to + (row * tile.height + y) * stride + column * tile.width);
      }
      to += stride * tile.height * SHEET_SIDE;
    }
  }
}
