/** A real PostgreSQL server for tests: Debian's, in a folder of its own, on a free port, gone with the test. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { ensureTool } from '../../../../tools/test-tools.ts';
import { freePort } from '../../lib/testing/free-port.ts';

const run = promisify(execFile);

const DEBIAN_FOLDER = '/usr/lib/postgresql';

export interface PostgresServer extends AsyncDisposable {
  readonly url: string;
}

export async function startPostgres(): Promise<PostgresServer> {
  const programs = await findPrograms();
  const identity = await unprivilegedIdentity();
  const folder = await mkdtemp(join(tmpdir(), 'millrace-postgres-'));
  if (identity) await chown(folder, identity.uid, identity.gid);
  const data = join(folder, 'data');
  await run(join(programs, 'initdb'), ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', '--locale=C.UTF-8', '--encoding=UTF8'], { cwd: folder, ...identity });
  const port = await freePort();
  const server = spawn(join(programs, 'postgres'), ['-D', data, '-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    ...identity,
  });
  const exited = once(server, 'exit');
  await untilReady(server.stderr);
  return {
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    async [Symbol.asyncDispose]() {
      // "Fast shutdown": does not wait for clients.
      server.kill('SIGINT');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function untilReady(log: NodeJS.ReadableStream): Promise<void> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: log })) {
    lines.push(line);
    if (line.includes('database system is ready to accept connections')) {
      // Nobody reads on; a full pipe would stop the server.
      log.resume();
      return;
    }
  }
  throw new Error(`PostgreSQL did not start: ${lines.join('\n')}`);
}

async function findPrograms(): Promise<string> {
  const found = await newestVersion();
  if (found) return found;
  await ensureTool('postgresql');
  const installed = await newestVersion();
  if (!installed) throw new Error(`The package "postgresql" put nothing into ${DEBIAN_FOLDER}.`);
  return installed;
}

async function newestVersion(): Promise<string | undefined> {
  const versions = await readdir(DEBIAN_FOLDER).catch(() => []);
  const newest = versions.map(Number).sort((a, b) => b - a)[0];
  return newest === undefined ? undefined : join(DEBIAN_FOLDER, String(newest), 'bin');
}

/** PostgreSQL refuses to run as root; the package has made a user for it. */
async function unprivilegedIdentity(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)));
  if (uid === undefined || gid === undefined) throw new Error('there is no user postgres');
  return { uid, gid };
}
