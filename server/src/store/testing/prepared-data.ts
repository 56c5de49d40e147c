/** Once for all tests of a run: the first start of an embedded store, which takes seconds. Stores of tests begin with a copy of what it left. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../lib/silent-log.ts';
import { openStore } from '../open.ts';
import { PREPARED_STORE } from './temporary-store.ts';

let folder: string | undefined;

export async function setup(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  const store = await openStore({ dataDir: folder, log: silentLog });
  await store.close();
  process.env[PREPARED_STORE] = folder;
}

export async function teardown(): Promise<void> {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}
