/** How soon the server is there once everything is installed and made. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TemporaryFolder } from './harness/folder.ts';
import { startServer } from './harness/server.ts';

/** `ready` on the second start: the first makes the database. */
const READY_BUDGET_MS = 2_000;

test('the second start is ready within 2 s', async () => {
  using folder = new TemporaryFolder();
  const dataDir = join(folder.path, 'data');
  await (await startServer({ dataDir }))[Symbol.asyncDispose]();
  await using again = await startServer({ dataDir });
  expect(again.startMs).toBeLessThan(READY_BUDGET_MS);
});
