/** What the build of the pages leaves for servers to read. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { compressFiles } from './launch/pages.js';

test('what is text has itself compressed beside it, in every folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-pages-'));
  try {
    const script = 'start();'.repeat(100);
    await mkdir(join(folder, 'assets'));
    await writeFile(join(folder, 'icon.png'), 'pixels');
    await writeFile(join(folder, 'assets', 'main.js'), script);
    await compressFiles(folder);
    expect((await readdir(folder, { recursive: true })).sort()).toEqual(['assets', 'assets/main.js', 'assets/main.js.gz', 'icon.png']);
    const zipped = await readFile(join(folder, 'assets', 'main.js.gz'));
    expect(zipped.length).toBeLessThan(script.length / 4);
    expect(gunzipSync(zipped).toString()).toBe(script);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
