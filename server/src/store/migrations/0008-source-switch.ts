/** Sources can be switched off without being forgotten. */
import { sql } from 'kysely';
import type { Migration } from './migration.ts';

export const sourceSwitch: Migration = {
  name: '0008-source-switch',
  async up(db) {
    await sql`alter table sources add column enabled boolean not null default true`.execute(db);
  },
};
