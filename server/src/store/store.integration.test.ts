/** The store on both kinds of database, and what becomes of it when the process is killed or the start cannot succeed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WASM_FLAGS } from '../../../tools/launch/server.js';
import { silentLog } from '../lib/silent-log.ts';
import { StartError } from '../lib/start-error.ts';
import { mayMount, SmallDisk } from '../lib/testing/small-disk.ts';
import { lockFolder } from './folder-lock.ts';
import { openStore } from './open.ts';
import { storeContract } from './store.contract.ts';
import { type PostgresServer, startPostgres } from './testing/postgres-server.ts';
import { prepareData } from './testing/temporary-store.ts';

let folder = '';
let postgres: PostgresServer | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-store-'));
  postgres = await startPostgres();
});

afterAll(async () => {
  await postgres?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

storeContract('the embedded database', () => {
  const dataDir = join(folder, 'embedded');
  prepareData(dataDir);
  return openStore({ dataDir, log: silentLog });
});
storeContract('a PostgreSQL server', () => openStore({ dataDir: join(folder, 'server'), databaseUrl: postgres?.url, log: silentLog }));

describe('a killed process', () => {
  test('loses no row that was acknowledged, and its lock does not stop the next', async () => {
    const dataDir = join(folder, 'killed');
    prepareData(dataDir);
    const acknowledged: string[] = [];
    // The second begins where the first was killed.
    for (const enough of [50, 200]) {
      const ids = await insertUntil(dataDir, enough);
      expect(ids.length).toBeGreaterThanOrEqual(enough);
      acknowledged.push(...ids);
    }
    const store = await openStore({ dataDir, log: silentLog });
    const rows = await store.db.selectFrom('users').select('id').where('id', 'in', acknowledged).execute();
    await store.close();
    expect(rows).toHaveLength(acknowledged.length);
  });
});

describe('the start stops with a sentence', () => {
  test('when the data folder cannot be written', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    await expect(openStore({ dataDir: join(file, 'data'), log: silentLog })).rejects.toThrow(/cannot be written \(ENOTDIR\).*DATA_DIR/);
  });

  test('when the database cannot be reached, without showing its password', async () => {
    const opening = openStore({ dataDir: join(folder, 'unreachable'), databaseUrl: 'postgresql://me:secret@127.0.0.1:1/live', log: silentLog });
    const error = await opening.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(StartError);
    expect(String(error)).toMatch(/The database at postgresql:\/\/127\.0\.0\.1:1\/live cannot be reached: .*ECONNREFUSED.*DATABASE_URL/);
    expect(String(error)).not.toContain('secret');
  });

  test.skipIf(!mayMount)('when the disk is full, and goes on as if nothing had been once there is room', async () => {
    await using disk = await SmallDisk.mount(160);
    const dataDir = join(disk.path, 'data');
    const ballast = join(disk.path, 'ballast');
    const openWith = async (megabytes: number) => {
      await writeFile(ballast, Buffer.alloc((await disk.freeBytes()) - megabytes * 1024 * 1024));
      try {
        await (await openStore({ dataDir, log: silentLog })).close();
      } finally {
        await rm(ballast);
      }
    };
    await expect(openWith(0)).rejects.toThrow(/disk is full\. .*DATA_DIR/);
    await expect(openWith(20)).rejects.toThrow(/needs 64 MB in .*, and the disk has \d+ MB left: .*DATA_DIR/);
    await openWith(100);
    await expect(openWith(0)).rejects.toThrow(/disk is full\. .*DATA_DIR/);
    await openWith(10);
  });

  test('when the embedded database is damaged', async () => {
    const dataDir = join(folder, 'damaged');
    await mkdir(join(dataDir, 'postgres'), { recursive: true });
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), 'nonsense');
    await expect(openStore({ dataDir, log: silentLog })).rejects.toThrow(StartError);
  });
});

test('the socket of the embedded database is for its owner alone, in the data folder or, where that is too deep, in a temporary one; a start stops with a sentence while another process has the folder', async () => {
  expect((await stat(join(folder, 'embedded', 'socket'))).mode & 0o777).toBe(0o700);
  const deep = join(folder, 'd'.repeat(90));
  prepareData(deep);
  const first = await openStore({ dataDir: deep, log: silentLog });
  await first.ping();
  await expect(stat(join(deep, 'socket'))).rejects.toThrow('ENOENT');
  await expect(openStore({ dataDir: deep, log: silentLog })).rejects.toThrow(`The data folder ${deep} is in use by another Millrace (process ${process.pid})`);
  await first.close();
  const second = await openStore({ dataDir: deep, log: silentLog });
  await second.close();
});

describe('the lock of a folder', () => {
  test('is taken over from a process that is gone, from an earlier life of the same number, and when it was cut off', async () => {
    const dataDir = await mkdtemp(join(folder, 'stale-'));
    const gone = spawn(process.execPath, ['-e', '']);
    await once(gone, 'exit');
    for (const left of [
      JSON.stringify({ pid: gone.pid, life: '', socket: '/nowhere' }),
      JSON.stringify({ pid: process.pid, life: 'another', socket: '/nowhere' }),
      '{"pid":',
      '',
    ]) {
      await writeFile(join(dataDir, 'lock'), left);
      const unlock = await lockFolder(dataDir, '/nowhere');
      await unlock();
    }
  });

  test('goes to one of many that start at once', async () => {
    const dataDir = await mkdtemp(join(folder, 'race-'));
    await writeFile(join(dataDir, 'lock'), '{}');
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(dataDir, '/nowhere')));
    expect(tries.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
  });
});

/** Ids that a child process printed before it was killed in the middle of its inserts. */
async function insertUntil(dataDir: string, enough: number): Promise<string[]> {
  const child = spawn(process.execPath, [...WASM_FLAGS, join(import.meta.dirname, 'testing/insert-until-killed.ts'), dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  // Its output ends a moment before it does.
  const exited = once(child, 'exit');
  const ids: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    ids.push(line);
    if (ids.length === enough) child.kill('SIGKILL');
  }
  await exited;
  return ids;
}
