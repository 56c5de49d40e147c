/** Opens the durable store: a PostgreSQL server when there is a URL, else the embedded one; migrated and ready. */
import { access, constants, mkdir } from 'node:fs/promises';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import type { Log } from '../lib/log.ts';
import { diskError, errorCodeOf, StartError } from '../lib/start-error.ts';
import { openEmbedded } from './embedded.ts';
import { migrate } from './migrate.ts';
import { EMBEDDED_POOL_SIZE, SERVER_POOL_SIZE } from './pool-size.ts';
import type { Schema } from './schema.ts';
import { loadServerId } from './server-id.ts';
import { ServerStore } from './servers.ts';

/** A server that does not answer a connection for so long will not answer at all. */
const CONNECT_TIMEOUT_MS = 5_000;

/** No query of this product takes longer; one that does is stuck behind a lock. */
const QUERY_TIMEOUT_MS = 30_000;

export interface StoreOptions {
  readonly dataDir: string;
  readonly databaseUrl?: string | undefined;
  readonly log: Log;
}

export interface Store {
  readonly db: Kysely<Schema>;
  readonly kind: 'embedded' | 'server';
  /** Of the data folder: what is its own in a database that others may share. */
  readonly serverId: string;
  /** Rejects when the database does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Throws StartError. */
export async function openStore(options: StoreOptions): Promise<Store> {
  await checkDataDir(options.dataDir);
  try {
    return await open(options);
  } catch (error) {
    const told = diskError(error);
    if (told instanceof StartError) throw told;
    const which = options.databaseUrl === undefined ? `embedded database in ${options.dataDir}` : `database at ${withoutPassword(options.databaseUrl)}`;
    options.log.debug({ err: error }, 'the database cannot be opened');
    throw new StartError(`The ${which} cannot be opened: ${reasonOf(error)}. With LOG_LEVEL=debug the log says more.`, error);
  }
}

async function open({ dataDir, databaseUrl, log }: StoreOptions): Promise<Store> {
  const serverId = await loadServerId(dataDir);
  const embedded = databaseUrl === undefined ? await openEmbedded(dataDir, log) : undefined;
  const pool = new pg.Pool({
    ...(embedded
      ? { host: embedded.host, user: 'postgres', database: 'postgres', max: EMBEDDED_POOL_SIZE, idleTimeoutMillis: 0, connectionTimeoutMillis: QUERY_TIMEOUT_MS }
      : { connectionString: databaseUrl, max: SERVER_POOL_SIZE, connectionTimeoutMillis: CONNECT_TIMEOUT_MS }),
    query_timeout: QUERY_TIMEOUT_MS,
    application_name: 'millrace',
  });
  // A connection that breaks while idle: the pool replaces it, nothing is lost.
  pool.on('error', (error) => log.warn({ err: error }, 'a database connection broke'));
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  let closed: Promise<void> | undefined;
  const close = async () => {
    await db.destroy();
    await embedded?.close();
  };
  const store: Store = {
    db,
    kind: embedded ? 'embedded' : 'server',
    serverId,
    async ping() {
      await sql`select 1`.execute(db);
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
  try {
    if (databaseUrl !== undefined) await checkReachable(store, databaseUrl);
    await migrate(db, log);
    if (embedded) await new ServerStore(db, serverId).adoptAll();
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

/** Makes the folder and sees that it can be written. */
export async function checkDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true });
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const full = diskError(error);
    if (full instanceof StartError) throw full;
    throw new StartError(
      `The data folder ${dataDir} cannot be written (${errorCodeOf(error) ?? 'unknown'}). Give this user the right to write there, or choose another folder with DATA_DIR.`,
      error,
    );
  }
}

async function checkReachable(store: Store, databaseUrl: string): Promise<void> {
  try {
    await store.ping();
  } catch (error) {
    throw new StartError(
      `The database at ${withoutPassword(databaseUrl)} cannot be reached: ${reasonOf(error)}. Check that it runs and that DATABASE_URL is right, or leave DATABASE_URL out to use the embedded one.`,
      error,
    );
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : (errorCodeOf(error) ?? 'no reason given');
}

function withoutPassword(databaseUrl: string): string {
  try {
    const { protocol, host, pathname } = new URL(databaseUrl);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return 'DATABASE_URL';
  }
}
