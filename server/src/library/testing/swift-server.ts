/** OpenStack Swift behind its S3 door, which checks signatures: another server than `s3-server.ts`, written by others. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { ensureTool } from '../../../../tools/test-tools.ts';
import type { S3Server } from './s3-server.ts';

/** Debian's own: its packages are not seen by others. */
const PYTHON = '/usr/bin/python3';

export async function startSwiftServer(): Promise<S3Server> {
  await ensureTool('swift');
  const folder = await mkdtemp(join(tmpdir(), 'millrace-swift-'));
  const server = spawn(PYTHON, [join(import.meta.dirname, 'swift-s3.py'), folder], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(server, 'exit');
  const complaints: Buffer[] = [];
  server.stderr.on('data', (bytes: Buffer) => complaints.push(bytes));
  const [port] = await Promise.race([once(createInterface({ input: server.stdout }), 'line'), exited.then(() => [''])]);
  if (!/^\d+$/.test(String(port))) throw new Error(`Swift did not start: ${Buffer.concat(complaints).toString().slice(-2_000)}`);
  const config = { endpoint: `http://127.0.0.1:${port}`, bucket: 'recordings', region: 'us-east-1', accessKeyId: 'tests:recorder', secretAccessKey: 'a-secret-of-tests' };
  const client = new S3Client({ ...config, forcePathStyle: true, credentials: config, maxAttempts: 10 });
  await client.send(new CreateBucketCommand({ Bucket: config.bucket }));
  client.destroy();
  return {
    config,
    async [Symbol.asyncDispose]() {
      server.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
