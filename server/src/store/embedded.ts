/** The embedded PostgreSQL: PGlite in a worker thread behind a Unix socket, so that the driver is the one for a real server. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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

const MEGABYTE = 1024 * 1024;

/** A new database takes 40 MB before there is anything in it. */
const NEW_MEGABYTES = 64;

/** With less, one that is there may be unable to write what it has to. */
const LEAST_MEGABYTES = 16;

const MAKE_ROOM = 'make room on it, or choose another folder with DATA_DIR.';

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
  const folder = join(dataDir, 'postgres');
  const isNew = !existsSync(folder);
  try {
    await rm(socketPath, { force: true });
    const freeMegabytes = await freeMegabytesOf(dataDir);
    // It would find out by itself, but takes half a minute.
    if (isNew && freeMegabytes < NEW_MEGABYTES)
      throw new StartError(`The embedded database needs ${NEW_MEGABYTES} MB in ${dataDir}, and the disk has ${freeMegabytes} MB left: ${MAKE_ROOM}`);
    const worker = await startWorker({ folder, socketPath });
    let closing = false;
    worker.on('error', (error) => log.error({ err: error }, 'the embedded database failed'));
    const exited = new Promise<void>((resolve) =>
      worker.once('exit', (code) => {
        if (!closing) log.error({ code }, 'the embedded database stopped');
        resolve();
      }),
    );
    return {
      host: socketFolder,
      async close() {
        if (closing) return;
        closing = true;
        worker.postMessage('close');
        await exited;
        await release();
      },
    };
  } catch (error) {
    // Half of a new database would be taken for a damaged one.
    if (isNew) await rm(folder, { recursive: true, force: true });
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
    const fail = async (why: string) => {
      await worker.terminate();
      reject(new StartError(`The embedded database in ${workerData.folder} does not open: ${why}. ${await adviceFor(dirname(workerData.folder))}`));
    };
    worker.once('error', (error) => void fail(String(error)));
    worker.once('message', (message: EmbeddedWorkerMessage) => {
      if (message.type === 'ready') {
        worker.removeAllListeners('error');
        resolve(worker);
      } else void fail(message.type === 'failed' ? message.message : 'it closed at once');
    });
  });
}

/** The database does not say that the disk is full, but stumbles over it. */
async function adviceFor(dataDir: string): Promise<string> {
  const freeMegabytes = await freeMegabytesOf(dataDir);
  if (freeMegabytes < LEAST_MEGABYTES) return `The disk has ${freeMegabytes} MB left: ${MAKE_ROOM}`;
  return 'Restore it from a back-up, or move the folder away to begin with an empty one.';
}

async function freeMegabytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.floor((bavail * bsize) / MEGABYTE);
}
