/** The thread the embedded database runs in: opens it, serves its socket, closes it when told. Started by embedded.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { z } from 'zod';
import type { EmbeddedWorkerMessage } from './embedded.ts';
import { POOL_SIZE } from './pool-size.ts';

const { folder, socketPath } = z.object({ folder: z.string(), socketPath: z.string() }).parse(workerData);

function tell(message: EmbeddedWorkerMessage): void {
  parentPort?.postMessage(message);
}

try {
  const database = await PGlite.create(folder);
  // Twice the pool: a connection that closes and its successor may overlap for a moment.
  const server = new PGLiteSocketServer({ db: database, path: socketPath, maxConnections: POOL_SIZE * 2 });
  await server.start();
  parentPort?.once('message', async () => {
    await server.stop();
    await database.close();
    tell({ type: 'closed' });
    parentPort?.close();
  });
  tell({ type: 'ready' });
} catch (error) {
  tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
}
