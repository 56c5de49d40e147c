/** Builds the pages into web/dist when a file they are made of has changed. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './runtime.js';

const STAMP = join(ROOT, 'web', 'dist', '.millrace-built');
const SOURCES = ['web', 'client', 'contract', 'package-lock.json'];
const LEFT_OUT = new Set(['node_modules', 'dist', 'testing', 'testdata', 'output']);

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
