/** Opens object storage, and says in the log whether it will take anything. Loads the client only where storage is configured. */
import type { S3Config } from '../config/load.ts';
import type { Log } from '../lib/log.ts';
import type { ObjectStore } from './object-store.ts';

/** Does not wait for the store: a server whose storage is away still streams, and uploads wait. */
export async function openObjectStore({ config, log }: { readonly config: S3Config; readonly log: Log }): Promise<ObjectStore> {
  const { S3ObjectStore } = await import('./s3-object-store.ts');
  const objects = new S3ObjectStore(config);
  const context = { endpoint: config.endpoint ?? 'Amazon S3', bucket: config.bucket };
  objects.check().then(
    () => log.info(context, 'object storage is there'),
    (error: unknown) => log.error({ ...context, err: error }, 'object storage takes nothing now: uploads will wait'),
  );
  return objects;
}
