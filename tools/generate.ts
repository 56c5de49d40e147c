/** Writes what is made from the contract: openapi.json, asyncapi.json and docs/errors. With `--check` it only says what is not current. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAsyncApi } from '../contract/asyncapi.ts';
import { writeErrorPages } from '../contract/error-pages.ts';
import { writeOpenApi } from '../contract/openapi.ts';
import { API_PREFIX } from '../contract/protocol.ts';

const ROOT = join(import.meta.dirname, '..');
const ERROR_PAGES = 'docs/errors';

/** The interface's own version; a breaking change of it changes API_PREFIX as well. */
const VERSION = `${API_PREFIX.slice(API_PREFIX.lastIndexOf('/v') + 2)}.0.0`;

const files = new Map<string, string>([
  ['contract/openapi.json', `${JSON.stringify(writeOpenApi(VERSION), null, 2)}\n`],
  ['contract/asyncapi.json', `${JSON.stringify(writeAsyncApi(VERSION), null, 2)}\n`],
]);
for (const [name, text] of writeErrorPages()) files.set(`${ERROR_PAGES}/${name}`, text);

const stale: string[] = [];
for (const [path, text] of files) if ((await current(path)) !== text) stale.push(path);
const left = (await pagesThere()).map((name) => `${ERROR_PAGES}/${name}`).filter((path) => !files.has(path));

if (process.argv.includes('--check')) {
  if (stale.length + left.length > 0) {
    console.error(`Not current: ${[...stale, ...left].join(', ')}. Run "npm run generate" and commit what it writes.`);
    process.exitCode = 1;
  }
} else {
  await mkdir(join(ROOT, ERROR_PAGES), { recursive: true });
  for (const path of stale) await writeFile(join(ROOT, path), files.get(path) ?? '');
  for (const path of left) await rm(join(ROOT, path));
  console.error(stale.length + left.length === 0 ? 'Everything was current.' : `Wrote ${[...stale, ...left].join(', ')}.`);
}

async function current(path: string): Promise<string | undefined> {
  try {
    return await readFile(join(ROOT, path), 'utf8');
  } catch {
    return undefined;
  }
}

async function pagesThere(): Promise<string[]> {
  try {
    return await readdir(join(ROOT, ERROR_PAGES));
  } catch {
    return [];
  }
}
