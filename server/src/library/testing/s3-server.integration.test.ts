/** Nothing is left running of a test that is cut off. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';

const PROGRAM = "import { startS3Server } from './s3-server.ts'; console.log((await startS3Server()).config.endpoint);";

test('the S3 server ends with whoever started it', async () => {
  const starter = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
  const [endpoint = '']: string[] = await once(createInterface({ input: starter.stdout }), 'line');
  expect((await fetch(endpoint)).status).toBeLessThan(500);
  starter.kill('SIGKILL');
  const isThere = () =>
    fetch(endpoint).then(
      () => true,
      () => false,
    );
  await expect.poll(isThere, { timeout: 20_000 }).toBe(false);
});
