/** Where streams are fetched from, in the database. */
import type { SourceMode } from '@millrace/contract/entities/source';
import type { Kysely, Selectable } from 'kysely';
import type { Schema, SourcesTable } from './schema.ts';

export interface SourceRow {
  readonly streamId: string;
  /** Without secrets. */
  readonly address: string;
  /** The whole address, sealed. */
  readonly secret: string;
  readonly mode: SourceMode;
  readonly enabled: boolean;
  readonly updatedAt: Date;
}

export class SourceStore {
  readonly #db: Kysely<Schema>;
  readonly #serverId: string;

  constructor(db: Kysely<Schema>, serverId: string) {
    this.#db = db;
    this.#serverId = serverId;
  }

  /** Of other streams of the same owner. */
  async countOthers(ownerId: string, streamId: string, db: Kysely<Schema> = this.#db): Promise<number> {
    const { count } = await db
      .selectFrom('sources')
      .innerJoin('streams', 'streams.id', 'sources.stream_id')
      .select((eb) => eb.fn.countAll<string>().as('count'))
      .where('streams.owner_id', '=', ownerId)
      .where('streams.id', '!=', streamId)
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** From now on it is fetched by this server. False: the owner's streams have as many sources as they may, and nothing was written. */
  async put({ streamId, address, secret, mode, enabled, updatedAt }: SourceRow, { ownerId, max }: { readonly ownerId: string; readonly max: number }): Promise<boolean> {
    const values = { address, secret, mode, enabled, updated_at: updatedAt, server_id: this.#serverId };
    return this.#db.transaction().execute(async (transaction) => {
      // The owner's row is the lock: two requests at once cannot both be the last that fits.
      await transaction.selectFrom('users').select('id').where('id', '=', ownerId).forUpdate().execute();
      if ((await this.countOthers(ownerId, streamId, transaction)) >= max) return false;
      await transaction
        .insertInto('sources')
        .values({ stream_id: streamId, ...values })
        .onConflict((conflict) => conflict.column('stream_id').doUpdateSet(values))
        .execute();
      return true;
    });
  }

  async of(streamId: string): Promise<SourceRow | undefined> {
    const row = await this.#db.selectFrom('sources').selectAll().where('stream_id', '=', streamId).executeTakeFirst();
    return row && sourceOfRow(row);
  }

  /** What this server fetches. What no server has a name on becomes its own. */
  async mine(): Promise<SourceRow[]> {
    await this.#db.updateTable('sources').set({ server_id: this.#serverId }).where('server_id', 'is', null).execute();
    const rows = await this.#db.selectFrom('sources').selectAll().where('server_id', '=', this.#serverId).orderBy('stream_id').execute();
    return rows.map(sourceOfRow);
  }

  async delete(streamId: string): Promise<void> {
    await this.#db.deleteFrom('sources').where('stream_id', '=', streamId).execute();
  }
}

function sourceOfRow({ stream_id, address, secret, mode, enabled, updated_at }: Selectable<SourcesTable>): SourceRow {
  return { streamId: stream_id, address, secret, mode, enabled, updatedAt: updated_at };
}
