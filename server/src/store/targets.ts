/** The services that streams are forwarded to, in the database. */
import type { Kysely, Selectable } from 'kysely';
import type { Schema, TargetsTable } from './schema.ts';

export interface TargetRow {
  readonly id: string;
  readonly streamId: string;
  readonly name: string;
  /** Without secrets. */
  readonly address: string;
  /** Sealed. */
  readonly secret: string;
  readonly enabled: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What is missing or undefined stays. */
export type TargetChange = { readonly [Key in 'name' | 'secret' | 'enabled']?: TargetRow[Key] | undefined };

export class TargetStore {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** False: the stream has `max` already. */
  async insert(target: TargetRow, max: number): Promise<boolean> {
    return this.#db.transaction().execute(async (transaction) => {
      // The stream's row is the lock: two requests at once cannot both be the last that fits.
      await transaction.selectFrom('streams').select('id').where('id', '=', target.streamId).forUpdate().execute();
      const { count } = await transaction
        .selectFrom('targets')
        .select((eb) => eb.fn.countAll<string>().as('count'))
        .where('stream_id', '=', target.streamId)
        .executeTakeFirstOrThrow();
      if (Number(count) >= max) return false;
      const { id, streamId, name, address, secret, enabled, createdAt, updatedAt } = target;
      await transaction.insertInto('targets').values({ id, stream_id: streamId, name, address, secret, enabled, created_at: createdAt, updated_at: updatedAt }).execute();
      return true;
    });
  }

  /** Oldest first. */
  async ofStream(streamId: string): Promise<TargetRow[]> {
    const rows = await this.#db.selectFrom('targets').selectAll().where('stream_id', '=', streamId).orderBy('created_at').orderBy('id').execute();
    return rows.map(targetOfRow);
  }

  /** Undefined: there is none. */
  async update(streamId: string, id: string, changes: TargetChange, at: Date): Promise<TargetRow | undefined> {
    const row = await this.#db
      .updateTable('targets')
      .set({ ...changes, updated_at: at })
      .where('stream_id', '=', streamId)
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
    return row && targetOfRow(row);
  }

  /** False: there was none. */
  async delete(streamId: string, id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db.deleteFrom('targets').where('stream_id', '=', streamId).where('id', '=', id).executeTakeFirst();
    return numDeletedRows > 0n;
  }
}

function targetOfRow({ id, stream_id, name, address, secret, enabled, created_at, updated_at }: Selectable<TargetsTable>): TargetRow {
  return { id, streamId: stream_id, name, address, secret, enabled, createdAt: created_at, updatedAt: updated_at };
}
