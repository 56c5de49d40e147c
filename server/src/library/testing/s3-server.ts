/** A real S3 server in a process and a folder of its own, gone with the test, however that ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { S3Config } from '../../config/load.ts';

export interface S3Server extends AsyncDisposable {
  readonly config: S3Config;
}

const BUCKET = 'recordings';

/** Loaded before the server: its input ends when whoever started it does. */
const END_WITH_INPUT = `data:text/javascript,${encodeURIComponent("process.stdin.once('end', () => process.exit()).resume();")}`;

export async function startS3Server(): Promise<S3Server> {
  const program = join(dirname(createRequire(import.meta.url).resolve('s3rver/package.json')), 'bin/s3rver.js');
  const folder = await mkdtemp(join(tmpdir(), 'millrace-s3-'));
  const options = ['--directory', folder, '--port', '0', '--address', '127.0.0.1', '--configure-bucket', BUCKET];
  const server = spawn(process.execPath, ['--import', END_WITH_INPUT, program, ...options], { stdio: ['pipe', 'pipe', 'pipe'] });
  const exited = once(server, 'exit');
  // Nobody reads what it complains of; a full pipe would stop it.
  server.stderr.resume();
  const port = await listeningPort(server.stdout);
  return {
    config: { endpoint: `http://127.0.0.1:${port}`, bucket: BUCKET, region: 'us-east-1', accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
    async [Symbol.asyncDispose]() {
      server.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function listeningPort(output: NodeJS.ReadableStream): Promise<number> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: output })) {
    lines.push(line);
    const port = /listening on .*?(\d+)\s*$/.exec(line)?.[1];
    if (port !== undefined) {
      output.resume();
      return Number(port);
    }
  }
  throw new Error(`the S3 server did not start: ${lines.join('\n')}`);
}
