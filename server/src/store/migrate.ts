/** Brings the database forward at start, one step at a time, however many servers start at once. */
import { type Kysely, sql } from 'kysely';
import type { Log } from '../lib/log.ts';
import { StartError } from '../lib/start-error.ts';
import { usersAndStreams } from './migrations/0001-users-and-streams.ts';
import { viewingsAndMeasurements } from './migrations/0002-viewings-and-measurements.ts';
import { recordings } from './migrations/0003-recordings.ts';
import { jobsAndWebhooks } from './migrations/0004-jobs-and-webhooks.ts';
import { targetsAndSources } from './migrations/0005-targets-and-sources.ts';
import { recordingsElsewhere } from './migrations/0007-recordings-elsewhere.ts';
import { sourceSwitch } from './migrations/0008-source-switch.ts';
import { servers } from './migrations/0011-servers.ts';
import type { Migration } from './migrations/migration.ts';
import type { Schema } from './schema.ts';

/** Every step in order. */
export const MIGRATIONS: readonly Migration[] = [
  usersAndStreams,
  viewingsAndMeasurements,
  recordings,
  jobsAndWebhooks,
  targetsAndSources,
  recordingsElsewhere,
  sourceSwitch,
  servers,
];

/** Any number that no other program takes advisory locks on: "mill" in ASCII. */
const LOCK_ID = 0x6d696c6c;

/** Runs the steps that have not run. A database from a newer Millrace is refused, since its rows may mean something else. */
export async function migrate(db: Kysely<Schema>, log: Log, steps: readonly Migration[] = MIGRATIONS): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${LOCK_ID})`.execute(transaction);
    await sql`create table if not exists migrations (name text primary key, applied_at timestamptz(3) not null default now())`.execute(transaction);
    const applied = new Set((await transaction.selectFrom('migrations').select('name').execute()).map((row) => row.name));
    const unknown = [...applied].filter((name) => !steps.some((step) => step.name === name));
    if (unknown.length > 0) {
      throw new StartError(`The database was made by a newer version: it has ${unknown.join(', ')}, which this one does not know. Start the newer version, or restore a back-up.`);
    }
    for (const step of steps) {
      if (applied.has(step.name)) continue;
      await step.up(transaction);
      await transaction.insertInto('migrations').values({ name: step.name }).execute();
      log.info({ migration: step.name }, 'database migrated');
    }
  });
}
