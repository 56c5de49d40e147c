/**
 * A clock that machines read from the picture: 64 black or white cells in the top sixteenth, 32 a row, each as wide as it is
 * high. They hold a mark, the wall clock's milliseconds (modulo 2^32), a frame number and a check sum, and survive any
 * encoder that leaves a picture watchable. The reader is in page-clock.ts, as it runs inside pages.
 */

export const CELLS_PER_ROW = 32;
export const CELL_ROWS = 2;

/** The first eight cells, so that a picture without a clock is not taken for one. */
const MARK = 0xa5;

/** Luma of studio range. */
const BLACK = 16;
const WHITE = 235;

export interface PictureSize {
  /** A multiple of 64: cells have an even, whole number of pixels. */
  readonly width: number;
  readonly height: number;
}

/** The eight bytes the cells show. */
export function clockBytes(wallMs: number, frame: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, MARK);
  view.setUint32(1, wallMs % 2 ** 32);
  view.setUint16(5, frame % 2 ** 16);
  view.setUint8(7, checkSum(bytes));
  return bytes;
}

/** The clock of 64 cells, given as luma; undefined when they show none. */
export function readClockCells(luma: readonly number[]): { readonly wallMs: number; readonly frame: number } | undefined {
  const bytes = new Uint8Array(8);
  for (const [i, level] of luma.entries()) {
    const at = i >> 3;
    if (level > 127) bytes[at] = (bytes[at] ?? 0) | (0x80 >> (i & 7));
  }
  const view = new DataView(bytes.buffer);
  if (view.getUint8(0) !== MARK || view.getUint8(7) !== checkSum(bytes)) return undefined;
  return { wallMs: view.getUint32(1), frame: view.getUint16(5) };
}

/** The clock of a raw frame whose luma plane comes first. */
export function readClockInFrame(frame: Uint8Array, { width }: PictureSize): { readonly wallMs: number; readonly frame: number } | undefined {
  const size = width / CELLS_PER_ROW;
  return readClockCells(
    Array.from({ length: CELLS_PER_ROW * CELL_ROWS }, (_, cell) => {
      const x = ((cell % CELLS_PER_ROW) + 0.5) * size;
      const y = (Math.floor(cell / CELLS_PER_ROW) + 0.5) * size;
      return frame[Math.floor(y) * width + Math.floor(x)] ?? 0;
    }),
  );
}

/** When a clock was painted, given a moment shortly after: its reading is modulo 2^32 ms. */
export function paintedAt(wallMs: number, nowMs: number): number {
  return nowMs - ((((nowMs - wallMs) % 2 ** 32) + 2 ** 32) % 2 ** 32);
}

function checkSum(bytes: Uint8Array): number {
  return bytes.subarray(0, 7).reduce((sum, byte) => (sum * 31 + byte) & 0xff, 7);
}

/** Draws raw yuv420p frames: dusk over water, a sun that moves (so that encoders have work), and the clock. */
export class ClockPainter {
  readonly #width: number;
  readonly #height: number;
  readonly #background: Buffer;
  readonly #frame: Buffer;

  constructor({ width, height }: PictureSize) {
    if (width % (CELLS_PER_ROW * 2) !== 0 || height % 2 !== 0)
      throw new Error(`a picture of ${width}×${height} cannot hold the clock: the width must be a multiple of 64, the height of 2`);
    this.#width = width;
    this.#height = height;
    this.#background = paintBackground(width, height);
    this.#frame = Buffer.allocUnsafe(this.#background.length);
  }

  /** The same buffer each time, overwritten by the next call. */
  paint(wallMs: number, frame: number): Buffer {
    this.#background.copy(this.#frame);
    this.#paintSun(wallMs);
    this.#paintClock(clockBytes(wallMs, frame));
    return this.#frame;
  }

  #paintSun(wallMs: number): void {
    const width = this.#width;
    const radius = Math.floor(this.#height / 8);
    const middleX = Math.floor(width / 2 + (width / 2 - radius - 2) * Math.sin(wallMs / 3000));
    const middleY = Math.floor(this.#height * 0.45 + (this.#height / 10) * Math.cos(wallMs / 1100));
    for (let y = -radius; y <= radius; y++) {
      const half = Math.floor(Math.sqrt(radius * radius - y * y));
      const start = (middleY + y) * width + middleX - half;
      this.#frame.fill(200 - (y >> 1), start, start + 2 * half);
    }
  }

  #paintClock(bytes: Uint8Array): void {
    const size = this.#width / CELLS_PER_ROW;
    for (let cell = 0; cell < CELLS_PER_ROW * CELL_ROWS; cell++) {
      const on = ((bytes[cell >> 3] ?? 0) >> (7 - (cell & 7))) & 1;
      const left = (cell % CELLS_PER_ROW) * size;
      const top = Math.floor(cell / CELLS_PER_ROW) * size;
      for (let y = top; y < top + size; y++) this.#frame.fill(on ? WHITE : BLACK, y * this.#width + left, y * this.#width + left + size);
    }
    // The strip is grey: colour would leak into its luma.
    const chromaWidth = this.#width / 2;
    const luma = this.#width * this.#height;
    const plane = chromaWidth * (this.#height / 2);
    const rows = (size * CELL_ROWS) / 2;
    this.#frame.fill(128, luma, luma + chromaWidth * rows);
    this.#frame.fill(128, luma + plane, luma + plane + chromaWidth * rows);
  }
}

function paintBackground(width: number, height: number): Buffer {
  const luma = width * height;
  const picture = Buffer.alloc(luma + luma / 2);
  const horizon = height * 0.6;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sky = 40 + (y / horizon) * 90;
      const water = 60 + 18 * Math.sin(x / 9 + y / 3) * Math.sin(y / 5) - (y - horizon) / 8;
      picture[y * width + x] = y < horizon ? sky : water;
    }
  }
  const plane = luma / 4;
  for (let y = 0; y < height / 2; y++) {
    const warm = y < horizon / 2 ? y / (horizon / 2) : 0.2;
    picture.fill(150 - warm * 45, luma + (y * width) / 2, luma + ((y + 1) * width) / 2);
    picture.fill(118 + warm * 40, luma + plane + (y * width) / 2, luma + plane + ((y + 1) * width) / 2);
  }
  return picture;
}
