/** Users with their sessions (the auth library's tables), streams and broadcasts. */
import { sql } from 'kysely';
import type { Migration } from './migration.ts';

const STATEMENTS = [
  sql`create table users (
    id text primary key,
    name text not null,
    email text not null unique,
    email_verified boolean not null default false,
    image text,
    is_anonymous boolean not null default false,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null
  )`,
  sql`create table sessions (
    id text primary key,
    user_id text not null references users on delete cascade,
    token text not null unique,
    expires_at timestamptz(3) not null,
    ip_address text,
    user_agent text,
    device_id text,
    device_platform text,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null
  )`,
  sql`create index sessions_user on sessions (user_id)`,
  sql`create table accounts (
    id text primary key,
    user_id text not null references users on delete cascade,
    account_id text not null,
    provider_id text not null,
    access_token text,
    refresh_token text,
    id_token text,
    access_token_expires_at timestamptz(3),
    refresh_token_expires_at timestamptz(3),
    scope text,
    password text,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null
  )`,
  sql`create index accounts_user on accounts (user_id)`,
  sql`create table verifications (
    id text primary key,
    identifier text not null,
    value text not null,
    expires_at timestamptz(3) not null,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null
  )`,
  sql`create index verifications_identifier on verifications (identifier)`,
  sql`create table streams (
    id text primary key,
    owner_id text not null references users on delete cascade,
    code text not null unique,
    key_hash bytea not null unique,
    title text not null,
    description text not null,
    visibility text not null check (visibility in ('public', 'unlisted', 'private')),
    start text not null check (start in ('auto', 'manual')),
    second_publisher text not null check (second_publisher in ('takeover', 'refuse')),
    record boolean not null,
    ladder text not null check (ladder in ('auto', 'off', 'always')),
    broadcast_id text,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null
  )`,
  sql`create index streams_owner on streams (owner_id, created_at desc, id desc)`,
  sql`create table broadcasts (
    id text primary key,
    stream_id text not null references streams on delete cascade,
    epoch text not null,
    state text not null check (state in ('preview', 'live', 'reconnecting', 'ended')),
    created_at timestamptz(3) not null,
    started_at timestamptz(3),
    reconnect_until timestamptz(3),
    ended_at timestamptz(3),
    end_reason text,
    check ((state = 'ended') = (ended_at is not null))
  )`,
  sql`create index broadcasts_stream on broadcasts (stream_id, created_at desc)`,
  sql`create index broadcasts_running on broadcasts (state) where state <> 'ended'`,
];

export const usersAndStreams: Migration = {
  name: '0001-users-and-streams',
  async up(db) {
    for (const statement of STATEMENTS) await statement.execute(db);
  },
};
