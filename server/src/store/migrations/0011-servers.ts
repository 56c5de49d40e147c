/** Which of several servers has what: its running broadcasts, what it fetches, the files of its recordings, the work that needs those files. */
import { sql } from 'kysely';
import type { Migration } from './migration.ts';

const STATEMENTS = [
  sql`create table servers (id text primary key, seen_at timestamptz(3) not null)`,
  sql`alter table broadcasts add column server_id text`,
  sql`alter table recordings add column server_id text`,
  sql`alter table recordings add column is_unwanted boolean not null default false`,
  sql`alter table sources add column server_id text`,
  sql`alter table jobs add column server_id text`,
];

export const servers: Migration = {
  name: '0011-servers',
  async up(db) {
    for (const statement of STATEMENTS) await statement.execute(db);
  },
};
