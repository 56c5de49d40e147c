/** The thread the embedded database runs in: opens it, serves its socket, closes it when told. Started by embedded.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import type { EmbeddedWorkerData, EmbeddedWorkerMessage } from './embedded.ts';
import { EMBEDDED_POOL_SIZE } from './pool-size.ts';

const { folder, socketPath }: EmbeddedWorkerData = workerData;

/** Enough for the tables of one machine; the 128 MB of the default would only sit beside the kernel's own cache. */
const SHARED_BUFFERS = '16MB';

function tell(message: EmbeddedWorkerMessage): void {
  parentPort?.postMessage(message);
}

try {
  const database = await PGlite.create(folder, { startParams: [...PGlite.defaultStartParams, '-c', `shared_buffers=${SHARED_BUFFERS}`] });
  // Some to spare: a connection that breaks and its successor overlap for a moment, and another process may knock to see whether this one lives.
  const server = new PGLiteSocketServer({ db: database, path: socketPath, maxConnections: EMBEDDED_POOL_SIZE + 4 });
  await server.start();
  parentPort?.once('message', async () => {
    await server.stop();
    await database.close();
    tell({ type: 'closed' });
    parentPort?.close();
  });
  tell({ type: 'ready' });
} catch (error) {
  tell({ type: 'failed', message: error instanceof Error ? error.message : JSON.stringify(error) });
}
