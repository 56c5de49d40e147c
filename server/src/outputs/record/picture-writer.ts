/**
 * Writes the pictures of a broadcast beside its media: each sheet, and the poster that shows the most. What is kept is written as it grows, whole every
 * time; what only players go back to, when it is full: until then they have it from memory.
 */
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import type { Sheet, Storyboard } from '../thumbnail/storyboard.ts';
import type { WriterCounters } from './rendition-writer.ts';
import { pictureIndexPath, picturesPath, posterPath, sheetPath, writeTile } from './stored-pictures.ts';

export interface PictureWriterDeps {
  readonly folder: string;
  readonly storyboard: Storyboard;
  /** Whether they stay when the broadcast is over: then they get an index. */
  readonly isKept: boolean;
  readonly counters: Pick<WriterCounters, 'bytes'>;
}

export class PictureWriter {
  readonly #deps: PictureWriterDeps;
  /** Tiles of each sheet that are in its file. */
  readonly #written = new Map<number, number>();
  /** Lengths of files that are written anew. */
  readonly #lengths = new Map<string, number>();
  #index: FileHandle | undefined;
  #poster: Uint8Array | undefined;
  #hasFolder = false;

  constructor(deps: PictureWriterDeps) {
    this.#deps = deps;
  }

  /** Everything that is new. Rejects when the disk does not take it. */
  async write(): Promise<void> {
    const { storyboard, folder, isKept } = this.#deps;
    const { poster, sheets } = storyboard;
    for (const sheet of isKept ? [...sheets] : sheets.slice(0, -1)) await this.#writeSheet(sheet);
    if (!isKept || !poster || poster === this.#poster) return;
    await this.#replace(posterPath(folder), poster);
    this.#poster = poster;
  }

  /** Players cannot go back further than this, seconds on the broadcast's timeline. */
  async trim(fromSeconds: number): Promise<void> {
    const { storyboard, folder, isKept } = this.#deps;
    for (const number of storyboard.trim(fromSeconds)) {
      this.#written.delete(number);
      if (!isKept) await rm(sheetPath(folder, number), { force: true });
    }
  }

  async close(): Promise<void> {
    const index = this.#index;
    this.#index = undefined;
    // Whatever the disk says now: the sheets are whole, and a torn index ends where it is torn.
    await Promise.allSettled([index?.close()]);
  }

  async #writeSheet({ number, tiles, image }: Sheet): Promise<void> {
    const { storyboard, folder, isKept, counters } = this.#deps;
    const before = this.#written.get(number) ?? 0;
    const count = tiles.length;
    const path = sheetPath(folder, number);
    if (count > before && typeof image !== 'string') {
      const lines = tiles.slice(before).map(writeTile).join('');
      await this.#replace(path, image);
      if (isKept) {
        // The sheet first: an index must not speak of what is not there.
        this.#index ??= await open(pictureIndexPath(folder), 'a');
        counters.bytes += (await this.#index.write(lines)).bytesWritten;
      }
      this.#written.set(number, count);
    }
    if (this.#written.get(number) === count) storyboard.stored(number, path);
  }

  /** Whoever reads it meanwhile gets the whole of what was there or of what is. */
  async #replace(path: string, bytes: Uint8Array): Promise<void> {
    const { folder, isKept, counters } = this.#deps;
    if (!this.#hasFolder) await mkdir(picturesPath(folder), { recursive: true });
    this.#hasFolder = true;
    const unfinished = await open(`${path}.tmp`, 'w');
    try {
      await unfinished.writeFile(bytes);
      if (isKept) await unfinished.datasync();
    } finally {
      await unfinished.close();
    }
    await rename(`${path}.tmp`, path);
    counters.bytes += bytes.length - (this.#lengths.get(path) ?? 0);
    this.#lengths.set(path, bytes.length);
  }
}
