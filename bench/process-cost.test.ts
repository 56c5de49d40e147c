/** A measurement that is off by a thread or a child is worse than none. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { costOf } from './process-cost.ts';

test('the CPU time of a child counts for its parent, and nothing counts twice', async () => {
  const before = costOf(process.pid);
  const child = spawn(
    process.execPath,
    ['-e', "const end = process.cpuUsage().user + 300_000; while (process.cpuUsage().user < end); console.log('done'); setInterval(() => {}, 1000)"],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await once(child.stdout, 'data');
  const alone = costOf(child.pid ?? 0);
  const together = costOf(process.pid);
  child.kill();
  await once(child, 'close');
  expect(alone.cpuSeconds).toBeGreaterThan(0.3);
  expect(alone.cpuSeconds).toBeLessThan(3);
  expect(together.cpuSeconds - before.cpuSeconds).toBeGreaterThanOrEqual(alone.cpuSeconds);
  expect(alone.residentBytes).toBeGreaterThan(10_000_000);
});
