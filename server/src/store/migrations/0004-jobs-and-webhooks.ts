/** Work that outlives the process, the webhooks of users with what was sent to them, and uploads to object storage. */
import { sql } from 'kysely';
import type { Migration } from './migration.ts';

const STATEMENTS = [
  sql`create table jobs (
    id text primary key,
    kind text not null,
    unique_key text,
    data jsonb not null,
    run_at timestamptz(3) not null,
    attempts integer not null,
    put_again boolean not null,
    lease_id text,
    lease_until timestamptz(3),
    last_error text,
    created_at timestamptz(3) not null,
    unique (kind, unique_key),
    check ((lease_id is null) = (lease_until is null))
  )`,
  sql`create index jobs_due on jobs (kind, run_at)`,
  sql`create table webhooks (
    id text primary key,
    owner_id text not null references users on delete cascade,
    url text not null,
    description text not null,
    events jsonb not null,
    sealed_secret text not null,
    disabled_because text check (disabled_because in ('owner', 'failing', 'gone')),
    failing_since timestamptz(3),
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null
  )`,
  sql`create index webhooks_owner on webhooks (owner_id, created_at desc, id desc)`,
  sql`create table webhook_deliveries (
    id text primary key,
    webhook_id text not null references webhooks on delete cascade,
    event_id text not null,
    type text not null,
    body text not null,
    state text not null check (state in ('waiting', 'delivered', 'failed')),
    attempts integer not null,
    created_at timestamptz(3) not null,
    last_attempt_at timestamptz(3),
    next_attempt_at timestamptz(3),
    status integer,
    error text,
    response text,
    duration_ms integer,
    unique (webhook_id, event_id)
  )`,
  sql`create index webhook_deliveries_webhook on webhook_deliveries (webhook_id, created_at desc, id desc)`,
  sql`create index webhook_deliveries_age on webhook_deliveries (created_at)`,
  sql`create table uploads (
    key text primary key,
    size bigint not null,
    modified_at timestamptz(3) not null,
    part_size bigint not null,
    multipart_id text,
    verified_at timestamptz(3)
  )`,
  sql`create table upload_parts (
    key text not null references uploads on delete cascade,
    number integer not null,
    etag text not null,
    md5 text not null,
    primary key (key, number)
  )`,
];

export const jobsAndWebhooks: Migration = {
  name: '0004-jobs-and-webhooks',
  async up(db) {
    for (const statement of STATEMENTS) await statement.execute(db);
  },
};
