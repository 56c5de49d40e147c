/**
 * The small pictures of one run of a broadcast, in sheets of some minutes. Sheets are in memory until they are full and an archive has them;
 * what no archive wants is not kept.
 */
import type { MadePictures, Place } from './picture-maker.ts';

/** A small picture and where it lies. */
export interface Tile extends Place {
  /** When it was shown, seconds on the broadcast's timeline. */
  readonly seconds: number;
  /** Number of its sheet. */
  readonly sheet: number;
}

/** Grows while it is the last one. */
export interface Sheet {
  readonly number: number;
  readonly tiles: readonly Tile[];
  /** A JPEG in memory, or the path of one. */
  readonly image: Uint8Array | string;
}

interface GrowingSheet {
  readonly number: number;
  readonly tiles: Tile[];
  image: Uint8Array | string;
}

/** Sheets in memory: the last one, and what waits for a slow disk. */
const MAX_IN_MEMORY = 3;

export class Storyboard {
  /** Of the run: names of its sheets are never used again. */
  readonly epoch: string;
  #sheets: GrowingSheet[] = [];
  #nextNumber = 0;
  #isWanted = true;
  #poster: Uint8Array | undefined;

  constructor(epoch: string) {
    this.epoch = epoch;
  }

  /** In order; none is empty. */
  get sheets(): readonly Sheet[] {
    return this.#sheets;
  }

  get tiles(): readonly Tile[] {
    return this.#sheets.flatMap(({ tiles }) => tiles);
  }

  /** The picture that shows the most: the last ones of a broadcast are often dark. */
  get poster(): Uint8Array | undefined {
    return this.#poster;
  }

  find(number: number): Sheet | undefined {
    return this.#sheets.find((sheet) => sheet.number === number);
  }

  /** @param seconds when it was shown, on the broadcast's timeline. */
  add(seconds: number, { poster, sheet: image, place, isFirst }: MadePictures): void {
    if (!this.#isWanted) return;
    // What has more detail takes more bytes.
    if (poster.length > (this.#poster?.length ?? 0)) this.#poster = poster;
    if (isFirst) this.#sheets.push({ number: this.#nextNumber++, tiles: [], image });
    const sheet = this.#sheets.at(-1);
    if (!sheet) return;
    sheet.tiles.push({ seconds, sheet: sheet.number, ...place });
    sheet.image = image;
    const inMemory = this.#sheets.filter((each) => typeof each.image !== 'string');
    if (inMemory.length > MAX_IN_MEMORY) this.#sheets = this.#sheets.filter((each) => each !== inMemory[0]);
  }

  /** A sheet that lies in a file need not stay in memory, unless it still grows. */
  stored(number: number, path: string): void {
    const sheet = this.#sheets.find((each) => each.number === number);
    if (sheet && sheet !== this.#sheets.at(-1)) sheet.image = path;
  }

  /** Nobody can go back further than this. Returns the numbers of sheets that show nothing else, and are forgotten. */
  trim(fromSeconds: number): number[] {
    const isOver = (_: Sheet, i: number): boolean => {
      const next = this.#sheets[i + 1]?.tiles[0];
      return next !== undefined && next.seconds <= fromSeconds;
    };
    const over = this.#sheets.filter(isOver).map(({ number }) => number);
    if (over.length > 0) this.#sheets = this.#sheets.filter(({ number }) => !over.includes(number));
    return over;
  }

  /** Nothing of the broadcast is kept, or no longer. */
  discard(): void {
    this.#isWanted = false;
    this.#sheets = [];
  }
}
