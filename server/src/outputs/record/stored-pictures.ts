/** The pictures of an archive: `pictures/poster.jpg`, sheets of small ones, and an index with a line of JSON for each small one. */
import { join } from 'node:path/posix';
import { z } from 'zod';
import type { Tile } from '../thumbnail/storyboard.ts';

/** A picture every nine seconds for a month has 27 MB. */
const MAX_INDEX_BYTES = 32 * 1024 * 1024;

const StoredTile = z.strictObject({
  seconds: z.number().nonnegative(),
  sheet: z.int().nonnegative(),
  x: z.int().nonnegative(),
  y: z.int().nonnegative(),
  width: z.int().positive(),
  height: z.int().positive(),
});

/** Paths in an archive, names in object storage as well; with its folder, of files. */
export function picturesPath(folder: string): string {
  return join(folder, 'pictures');
}

export function posterPath(folder: string): string {
  return join(picturesPath(folder), 'poster.jpg');
}

export function sheetPath(folder: string, number: number): string {
  return join(picturesPath(folder), `sheet-${number}.jpg`);
}

export function pictureIndexPath(folder: string): string {
  return join(picturesPath(folder), 'index.jsonl');
}

export function writeTile({ seconds, sheet, x, y, width, height }: Tile): string {
  return `${JSON.stringify({ seconds, sheet, x, y, width, height })}\n`;
}

/** In the order of their times. A line that is torn or no picture ends what is read. */
export function readTiles(index: Uint8Array): Tile[] {
  const tiles: Tile[] = [];
  for (const line of Buffer.from(index.subarray(0, MAX_INDEX_BYTES)).toString().split('\n')) {
    const tile = parseTile(line);
    if (!tile || tile.seconds <= (tiles.at(-1)?.seconds ?? -1)) break;
    tiles.push(tile);
  }
  return tiles;
}

function parseTile(line: string): Tile | undefined {
  try {
    return StoredTile.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
