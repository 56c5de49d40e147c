/**
 * Once for all tests of a run: the first start of a server, which makes its database, its secrets and its authority. Servers of tests begin
 * with a copy of what it left, but for those that are about first starts.
 */
import { join } from 'node:path';
import { TemporaryFolder } from './folder.ts';
import { PREPARED_DATA, startServer } from './server.ts';

let folder: TemporaryFolder | undefined;

export async function setup(): Promise<void> {
  // One is enough for several runs.
  if (process.env[PREPARED_DATA]) return;
  folder = new TemporaryFolder();
  const dataDir = join(folder.path, 'data');
  const server = await startServer({ dataDir });
  await server.stop();
  process.env[PREPARED_DATA] = dataDir;
}

export function teardown(): void {
  folder?.[Symbol.dispose]();
}
