/** The embedded PostgreSQL: PGlite in a worker thread behind a Unix socket, so that the driver is the one for a real server. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Log } from '../lib/log.ts';
import { StartError } from '../lib/start-error.ts';
import { lockFolder } from './folder-lock.ts';

/** sockaddr_un holds 108 bytes on Linux and 104 on macOS. */
const MAX_SOCKET_PATH_BYTES = 100;

/** The driver looks for this name in the folder it is given as host. */
const SOCKET_NAME = '.s.PGSQL.5432';

export interface EmbeddedDatabase {
  /** The folder of the socket: the driver's `host`. */
  readonly host: string;
  close(): Promise<void>;
}

/** What the worker is started with and what it answers. */
export interface EmbeddedWorkerData {
  readonly folder: string;
  readonly socketPath: string;
}
export type EmbeddedWorkerMessage = { readonly type: 'ready' } | { readonly type: 'failed'; readonly message: string } | { readonly type: 'closed' };

export async function openEmbedded(dataDir: string, log: Log): Promise<EmbeddedDatabase> {
  const { folder: socketFolder, temporary } = await makeSocketFolder(dataDir);
  const socketPath = join(socketFolder, SOCKET_NAME);
  const unlock = await lockFolder(dataDir, socketPath);
  const release = async () => {
    await rm(socketPath, { force: true });
    if (temporary) await rm(socketFolder, { recursive: true, force: true });
    await unlock();
  };
  try {
    await rm(socketPath, { force: true });
    const worker = await startWorker({ folder: join(dataDir, 'postgres'), socketPath });
    let closing = false;
    worker.on('error', (error) => log.error({ err: error }, 'the embedded database failed'));
    worker.on('exit', (code) => {
      if (!closing) log.error({ code }, 'the embedded database stopped');
    });
    return {
      host: socketFolder,
      async close() {
        if (closing) return;
        closing = true;
        const exited = new Promise((resolve) => worker.once('exit', resolve));
        worker.postMessage('close');
        await exited;
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

async function makeSocketFolder(dataDir: string): Promise<{ folder: string; temporary: boolean }> {
  const folder = join(dataDir, 'socket');
  if (Buffer.byteLength(join(folder, SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return { folder, temporary: false };
  }
  return { folder: await mkdtemp(join(tmpdir(), 'millrace-')), temporary: true };
}

function startWorker(workerData: EmbeddedWorkerData): Promise<Worker> {
  const worker = new Worker(new URL('./embedded-worker.ts', import.meta.url), { workerData });
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      worker.terminate();
      reject(new StartError(`The embedded database in ${workerData.folder} does not open: ${why}. Restore it from a back-up, or move the folder away to begin with an empty one.`));
    };
    worker.once('error', (error) => fail(String(error)));
    worker.once('message', (message: EmbeddedWorkerMessage) => {
      if (message.type === 'ready') {
        worker.removeAllListeners('error');
        resolve(worker);
      } else fail(message.type === 'failed' ? message.message : 'it closed at once');
    });
  });
}
