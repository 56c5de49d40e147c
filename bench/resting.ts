/** What the server costs when nobody uses it, and how fast it starts. */
import { join } from 'node:path';
import { TemporaryFolder } from '../e2e/harness/folder.ts';
import { startServer } from '../e2e/harness/server.ts';
import { measure } from './process-cost.ts';

export interface RestingResult {
  /** With an empty data folder: the database is made. */
  readonly firstStartMs: number;
  readonly secondStartMs: number;
  readonly idleMegabytes: number;
  readonly idleCpuPercent: number;
}

export async function measureResting(seconds: number): Promise<RestingResult> {
  using folder = new TemporaryFolder();
  const dataDir = join(folder.path, 'data');
  const first = await startServer({ dataDir, env: { LOG_LEVEL: 'info' } });
  await first.stop();
  await using second = await startServer({ dataDir, env: { LOG_LEVEL: 'info' } });
  await measure(second.child.pid, 2);
  const { share, residentBytes } = await measure(second.child.pid, seconds);
  return { firstStartMs: first.startMs, secondStartMs: second.startMs, idleMegabytes: residentBytes / 2 ** 20, idleCpuPercent: share * 100 };
}
