/** The watch page's budget: its own script, compressed, without hls.js, which comes when it is needed. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';

const MAX_WATCH_BYTES = 250_000;

const Manifest = z.record(z.string(), z.object({ file: z.string(), imports: z.array(z.string()).default([]), dynamicImports: z.array(z.string()).default([]) }));

let folder: string;
let manifest: z.infer<typeof Manifest>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pages-'));
  const vite = fileURLToPath(new URL('bin/vite.js', import.meta.resolve('vite/package.json')));
  // In a process of its own: the test runner's environment would make a development build of React.
  await promisify(execFile)(process.execPath, [vite, 'build', join(import.meta.dirname, '..'), '--outDir', folder, '--emptyOutDir', '--logLevel', 'error'], {
    env: { ...process.env, NODE_ENV: 'production' },
  });
  manifest = Manifest.parse(JSON.parse(await readFile(join(folder, '.vite', 'manifest.json'), 'utf8')));
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A chunk and everything it cannot run without. */
function withImports(name: string, into = new Set<string>()): Set<string> {
  if (into.has(name)) return into;
  into.add(name);
  for (const imported of manifest[name]?.imports ?? []) withImports(imported, into);
  return into;
}

it('loads less than 250 kB of script for the watch page, and neither hls.js nor the studio', async () => {
  const chunks = [...withImports('src/watch/watch-page.tsx', withImports('index.html'))];
  const files = chunks.map((name) => manifest[name]?.file ?? name);
  const sizes = await Promise.all(files.map(async (file) => gzipSync(await readFile(join(folder, file))).length));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  expect(total).toBeGreaterThan(50_000);
  expect(total).toBeLessThan(MAX_WATCH_BYTES);
  expect(files.filter((file) => /hls|studio|choose|share/.test(file))).toEqual([]);
});

it('asks nobody else for anything: the pages name no foreign address', async () => {
  const html = await readFile(join(folder, 'index.html'), 'utf8');
  expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
});
