/** One forward step of the database. A step that has been released never changes; the next one repairs it. */
import type { Kysely } from 'kysely';
import type { Schema } from '../schema.ts';

export interface Migration {
  /** Sorts after every earlier one: `0001-…`. */
  readonly name: string;
  /** Runs in the transaction of the whole migration. Raw SQL only: Schema describes the tables of today, not of then. */
  up(db: Kysely<Schema>): Promise<void>;
}
