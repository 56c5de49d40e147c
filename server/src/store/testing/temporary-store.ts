/** A real embedded store in a folder of its own, gone with the test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../lib/silent-log.ts';
import { openStore, type Store } from '../open.ts';

export interface TemporaryStore extends AsyncDisposable {
  readonly store: Store;
  readonly dataDir: string;
}

export async function openTemporaryStore(): Promise<TemporaryStore> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  const store = await openStore({ dataDir, log: silentLog });
  return {
    store,
    dataDir,
    async [Symbol.asyncDispose]() {
      await store.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
