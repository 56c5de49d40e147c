/** Builds the pages into web/dist when a file they are made of has changed. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { ROOT } from './runtime.js';

const BUILT = join(ROOT, 'web', 'dist');
const STAMP = join(BUILT, '.millrace-built');
const SOURCES = ['web', 'client', 'contract', 'package-lock.json', 'tools/launch/pages.js'];

/** Types that are not compressed already. */
const COMPRESSIBLE = new Set(['.html', '.js', '.css', '.json', '.webmanifest', '.svg', '.txt', '.map', '.wasm']);
const LEFT_OUT = new Set(['node_modules', 'dist', 'testing', 'testdata', 'output']);

const compress = promisify(gzip);

/** @param {{node: string, env: NodeJS.ProcessEnv}} options */
export async function buildPages({ node, env }) {
  const hash = createHash('sha256');
  for (const source of SOURCES) add(hash, source);
  const digest = hash.digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8').trim() === digest) return;
  console.error('Building the pages …');
  await new Promise((resolve, reject) => {
    const child = spawn(node, [join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', '--logLevel', 'warn'], { cwd: join(ROOT, 'web'), env, stdio: ['ignore', 2, 2] });
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve(undefined) : reject(new Error(`The pages could not be built: vite ended with status ${code}.`))));
  });
  await compressFiles(BUILT);
  await writeFile(STAMP, `${digest}\n`);
}

function add(hash, path) {
  const full = join(ROOT, path);
  if (!statSync(full).isDirectory()) {
    if (!path.includes('.test.')) hash.update(`${path}\n`).update(readFileSync(full));
    return;
  }
  for (const entry of readdirSync(full).sort()) if (!LEFT_OUT.has(entry) && !entry.startsWith('.')) add(hash, `${path}/${entry}`);
}

/**
 * Puts `x.js.gz` beside `x.js`: compressed here once and not by each server that starts.
 * @param {string} folder
 */
export async function compressFiles(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) await compressFiles(path);
    else if (COMPRESSIBLE.has(extname(name))) await writeFile(`${path}.gz`, await compress(await readFile(path), { level: 9 }));
  }
}
