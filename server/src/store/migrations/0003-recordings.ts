/** What was kept of broadcasts, and how far back viewers of a live one may go. */
import { sql } from 'kysely';
import type { Migration } from './migration.ts';

const STATEMENTS = [
  sql`alter table streams add column rewind_seconds integer default 7200 check (rewind_seconds >= 0)`,
  sql`create table recordings (
    id text primary key,
    owner_id text not null references users on delete cascade,
    stream_id text references streams on delete set null,
    broadcast_id text not null,
    title text not null,
    visibility text not null check (visibility in ('public', 'unlisted', 'private')),
    state text not null check (state in ('recording', 'ready', 'failed')),
    problem text,
    seconds double precision not null,
    bytes double precision not null,
    started_at timestamptz(3) not null,
    ended_at timestamptz(3),
    updated_at timestamptz(3) not null,
    check ((state = 'recording') = (ended_at is null))
  )`,
  sql`create index recordings_owner on recordings (owner_id, started_at desc, id desc)`,
  sql`create index recordings_stream on recordings (stream_id) where stream_id is not null`,
  sql`create index recordings_unfinished on recordings (state) where state = 'recording'`,
];

export const recordings: Migration = {
  name: '0003-recordings',
  async up(db) {
    for (const statement of STATEMENTS) await statement.execute(db);
  },
};
