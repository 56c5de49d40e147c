/** Services that streams are forwarded to, and where streams are fetched from. */
import { sql } from 'kysely';
import type { Migration } from './migration.ts';

const STATEMENTS = [
  sql`create table targets (
    id text primary key,
    stream_id text not null references streams on delete cascade,
    name text not null,
    address text not null,
    secret text not null,
    enabled boolean not null,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null
  )`,
  sql`create index targets_stream on targets (stream_id, created_at, id)`,
  sql`create table sources (
    stream_id text primary key references streams on delete cascade,
    address text not null,
    secret text not null,
    mode text not null,
    updated_at timestamptz(3) not null
  )`,
];

export const targetsAndSources: Migration = {
  name: '0005-targets-and-sources',
  async up(db) {
    for (const statement of STATEMENTS) await statement.execute(db);
  },
};
