/** Folders on disk as those who read archives see them. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DiskFiles } from './stored-files.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-files-'));
  await mkdir(join(folder, 'video'));
  for (const [path, text] of [
    ['about.json', '{}'],
    ['video/a', '0123456789'],
    ['video/b', 'abcdef'],
    ['video/c', 'xyz'],
  ] as const)
    await writeFile(join(folder, path), text);
});

afterEach(() => rm(folder, { recursive: true }));

it('names every file with its size, by paths that are the same everywhere', async () => {
  const sizes = await new DiskFiles(folder).sizes();
  expect([...sizes].sort()).toEqual([
    ['about.json', 2],
    ['video/a', 10],
    ['video/b', 6],
    ['video/c', 3],
  ]);
  await expect(new DiskFiles(join(folder, 'nowhere')).sizes()).rejects.toMatchObject({ code: 'ENOENT' });
});

it('reads runs of several files in turn, and says when one ends too early', async () => {
  const reader = new DiskFiles(folder).reader();
  const read = async (path: string, offset: number, bytes: number) => Buffer.from(await reader.read(path, offset, bytes)).toString();
  const texts = [await read('video/a', 2, 3), await read('video/b', 0, 6), await read('video/c', 1, 2), await read('video/a', 5, 5), await read('video/b', 3, 0)];
  expect(texts).toEqual(['234', 'abcdef', 'yz', '56789', '']);
  await expect(reader.read('video/b', 4, 3)).rejects.toThrow('ends at 6');
  await expect(reader.read('video/d', 0, 1)).rejects.toMatchObject({ code: 'ENOENT' });
  await reader.close();
});
