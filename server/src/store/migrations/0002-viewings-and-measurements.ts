/** Who watched for how long, and what each minute of a stream was like. */
import { sql } from 'kysely';
import type { Migration } from './migration.ts';

const STATEMENTS = [
  sql`create table viewings (
    id text primary key,
    stream_id text not null references streams on delete cascade,
    broadcast_id text,
    user_id text references users on delete set null,
    started_at timestamptz(3) not null,
    ended_at timestamptz(3) not null,
    protocol text not null,
    device text not null,
    stalls integer not null,
    mean_latency_ms integer,
    check (ended_at >= started_at)
  )`,
  sql`create index viewings_stream on viewings (stream_id, started_at desc)`,
  sql`create index viewings_user on viewings (user_id) where user_id is not null`,
  sql`create table minute_measurements (
    stream_id text not null references streams on delete cascade,
    at timestamptz(0) not null,
    broadcast_id text not null,
    video_bits_per_second double precision not null,
    audio_bits_per_second double precision not null,
    frames_per_second double precision not null,
    key_frame_interval_seconds double precision,
    dropped_units integer not null,
    viewers integer not null,
    primary key (stream_id, at)
  )`,
];

export const viewingsAndMeasurements: Migration = {
  name: '0002-viewings-and-measurements',
  async up(db) {
    for (const statement of STATEMENTS) await statement.execute(db);
  },
};
