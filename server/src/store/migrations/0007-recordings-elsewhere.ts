/** Which recordings are in object storage, and which still lie on the server as well. */
import { sql } from 'kysely';
import type { Migration } from './migration.ts';

const STATEMENTS = [
  sql`alter table recordings add column uploaded_at timestamptz(3)`,
  sql`alter table recordings add column is_local boolean not null default true`,
  sql`create index recordings_not_uploaded on recordings (id) where state = 'ready' and uploaded_at is null`,
  sql`create index recordings_copies on recordings (uploaded_at) where is_local and uploaded_at is not null`,
];

export const recordingsElsewhere: Migration = {
  name: '0007-recordings-elsewhere',
  async up(db) {
    for (const statement of STATEMENTS) await statement.execute(db);
  },
};
