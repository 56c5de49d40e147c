import { closeSync, readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Storyboard, type Tile } from '../thumbnail/storyboard.ts';
import { PictureWriter } from './picture-writer.ts';
import { pictureIndexPath, picturesPath, posterPath, readTiles, sheetPath, writeTile } from './stored-pictures.ts';

const TILE: Tile = { seconds: 1.25, sheet: 3, x: 160, y: 90, width: 160, height: 90 };

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-pictures-'));
});

afterEach(() => rm(folder, { recursive: true }));

/** Sheets of two pictures, one every ten seconds; each sheet is as many bytes as its number of pictures so far. */
function add(storyboard: Storyboard, from: number, to: number): void {
  for (let i = from; i < to; i++)
    storyboard.add(i * 10, {
      poster: new Uint8Array(100 + i),
      sheet: new Uint8Array((i % 2) + 1),
      place: { x: (i % 2) * 160, y: 0, width: 160, height: 90 },
      isFirst: i % 2 === 0,
    });
}

/** Undefined: it was closed meanwhile. */
function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

describe('pictures on disk', () => {
  it('are there as they were made, with an index, and are counted as what they take', async () => {
    const storyboard = new Storyboard('epoch');
    const counters = { bytes: 0 };
    const writer = new PictureWriter({ folder, storyboard, isKept: true, counters });
    await writer.write();
    expect(await readdir(folder)).toEqual([]);
    for (let made = 0; made < 6; made++) {
      add(storyboard, made, made + 1);
      await writer.write();
    }
    await writer.close();
    const index = await readFile(pictureIndexPath(folder));
    expect(readTiles(index)).toEqual(storyboard.tiles);
    expect((await readdir(picturesPath(folder))).sort()).toEqual(['index.jsonl', 'poster.jpg', 'sheet-0.jpg', 'sheet-1.jpg', 'sheet-2.jpg']);
    expect(await readFile(posterPath(folder))).toHaveLength(105);
    expect(counters.bytes).toBe(index.length + 105 + 3 * 2);
    expect(storyboard.sheets.map(({ image }) => image)).toEqual([sheetPath(folder, 0), sheetPath(folder, 1), new Uint8Array(2)]);
  });

  it('of a broadcast in which nobody can go back are kept all the same, and forgotten by the broadcast', async () => {
    const storyboard = new Storyboard('epoch');
    const writer = new PictureWriter({ folder, storyboard, isKept: true, counters: { bytes: 0 } });
    for (let made = 0; made < 6; made++) {
      add(storyboard, made, made + 1);
      await writer.write();
      await writer.trim(Number.POSITIVE_INFINITY);
    }
    await writer.close();
    expect(readTiles(await readFile(pictureIndexPath(folder))).map(({ seconds }) => seconds)).toEqual([0, 10, 20, 30, 40, 50]);
    expect(storyboard.tiles.map(({ seconds }) => seconds)).toEqual([40, 50]);
  });

  it('are closed also when the disk does not take the end of it', async () => {
    const storyboard = new Storyboard('epoch');
    const writer = new PictureWriter({ folder, storyboard, isKept: true, counters: { bytes: 0 } });
    add(storyboard, 0, 2);
    await writer.write();
    const open = readdirSync('/proc/self/fd').find((fd) => linkOf(fd) === pictureIndexPath(folder));
    // Behind the writer's back: its own close fails.
    closeSync(Number(open));
    await expect(writer.close()).resolves.toBeUndefined();
    expect(readTiles(await readFile(pictureIndexPath(folder)))).toHaveLength(2);
  });

  it('go with the window, unless they are kept', async () => {
    for (const isKept of [false, true]) {
      const storyboard = new Storyboard('epoch');
      const writer = new PictureWriter({ folder: join(folder, String(isKept)), storyboard, isKept, counters: { bytes: 0 } });
      add(storyboard, 0, 6);
      await writer.write();
      await writer.trim(20);
      await writer.close();
      const sheets = (await readdir(picturesPath(join(folder, String(isKept))))).filter((name) => name.startsWith('sheet'));
      // The last one grows: it is written over and over only where a crash must not cost it.
      expect(sheets.sort()).toEqual(isKept ? ['sheet-0.jpg', 'sheet-1.jpg', 'sheet-2.jpg'] : ['sheet-1.jpg']);
      expect(storyboard.find(2)?.image).toEqual(new Uint8Array(2));
    }
  });
});

describe('the index of pictures', () => {
  it('ends where it is torn, or says what cannot be', () => {
    const whole = writeTile(TILE) + writeTile({ ...TILE, seconds: 9 });
    expect(readTiles(Buffer.from(whole))).toEqual([TILE, { ...TILE, seconds: 9 }]);
    for (const bad of [whole.slice(0, 30), '{"seconds":10', writeTile(TILE), writeTile({ ...TILE, seconds: 20, width: 0 }), '{"seconds":20,"sheet":"../x"}\n', '\n'])
      expect(readTiles(Buffer.from(whole + bad + writeTile({ ...TILE, seconds: 30 })))).toHaveLength(2);
  });

  it('never throws, and gives times that rise, whatever is in the file', () => {
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ seconds: fc.double(), sheet: fc.integer(), x: fc.nat(), y: fc.nat(), width: fc.nat(), height: fc.nat() }).map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const tiles = readTiles(Buffer.from(lines.join('\n')));
        for (const [i, { seconds, sheet }] of tiles.entries()) {
          expect(seconds).toBeGreaterThan(tiles[i - 1]?.seconds ?? -1);
          expect(sheet).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
