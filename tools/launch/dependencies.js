/** Installs what the lock file names, and only when it changed since the last time. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { npm } from './npm.js';
import { ROOT } from './runtime.js';

const STAMP = join(ROOT, 'node_modules', '.millrace-installed');

/** @param {{development: boolean}} options development adds what only tests and checks need. */
export async function installDependencies({ development }) {
  const lock = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  const installed = existsSync(STAMP) ? readFileSync(STAMP, 'utf8').trim() : '';
  if (installed === `${lock} development` || (installed === `${lock} production` && !development)) return;
  console.error('Installing dependencies …');
  // No package of ours needs an install script; some packages would download with theirs. `install` and not `ci`, because `ci` refuses
  // a lock file that lacks the binaries of another platform; without saving, the lock file still decides and stays as it is.
  await npm(['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...(development ? [] : ['--omit=dev'])], { cwd: ROOT });
  await writeFile(STAMP, `${lock} ${development ? 'development' : 'production'}\n`);
}
