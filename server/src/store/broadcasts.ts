/** Broadcasts in the database: written at each change of state, read after a restart. */
import type { EndReason } from '@millrace/contract/entities/broadcast';
import type { Kysely, Transaction } from 'kysely';
import type { Schema } from './schema.ts';

export interface BroadcastRow {
  readonly id: string;
  readonly streamId: string;
  readonly epoch: string;
  readonly state: 'preview' | 'live' | 'reconnecting' | 'ended';
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly reconnectUntil: Date | null;
  readonly endedAt: Date | null;
  readonly endReason: EndReason | null;
}

export class BroadcastStore {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /**
   * Writes the broadcast as it is now and makes it its stream's latest. False: the stream is gone, and so is this.
   * @param also what follows from it, in the same transaction: both are written or none.
   */
  async put(broadcast: BroadcastRow, also?: (transaction: Transaction<Schema>) => Promise<void>): Promise<boolean> {
    const values = {
      id: broadcast.id,
      stream_id: broadcast.streamId,
      epoch: broadcast.epoch,
      state: broadcast.state,
      created_at: broadcast.createdAt,
      started_at: broadcast.startedAt,
      reconnect_until: broadcast.reconnectUntil,
      ended_at: broadcast.endedAt,
      end_reason: broadcast.endReason,
    };
    return this.#db.transaction().execute(async (transaction) => {
      const stream = await transaction.updateTable('streams').set({ broadcast_id: broadcast.id }).where('id', '=', broadcast.streamId).executeTakeFirst();
      if (stream.numUpdatedRows === 0n) return false;
      const { id: _id, stream_id: _streamId, created_at: _createdAt, ...changing } = values;
      await transaction
        .insertInto('broadcasts')
        .values(values)
        .onConflict((conflict) => conflict.column('id').doUpdateSet(changing))
        .execute();
      await also?.(transaction);
      return true;
    });
  }

  async byId(id: string): Promise<BroadcastRow | undefined> {
    const row = await this.#db.selectFrom('broadcasts').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) return undefined;
    return broadcastOfRow(row.stream_id, { ...row, broadcast_id: row.id, broadcast_created_at: row.created_at }) ?? undefined;
  }

  /** Every broadcast that had not ended when the last server stopped, oldest first. */
  async running(): Promise<BroadcastRow[]> {
    const rows = await this.#db.selectFrom('broadcasts').selectAll().where('state', '<>', 'ended').orderBy('created_at').execute();
    return rows.flatMap((row) => broadcastOfRow(row.stream_id, { ...row, broadcast_id: row.id, broadcast_created_at: row.created_at }) ?? []);
  }
}

/** A broadcast's columns as a left join gives them: all null where there is none. */
interface JoinedColumns {
  readonly broadcast_id: string | null;
  readonly epoch: string | null;
  readonly state: BroadcastRow['state'] | null;
  readonly broadcast_created_at: Date | null;
  readonly started_at: Date | null;
  readonly reconnect_until: Date | null;
  readonly ended_at: Date | null;
  readonly end_reason: EndReason | null;
}

export function broadcastOfRow(streamId: string, row: JoinedColumns): BroadcastRow | null {
  if (row.broadcast_id === null || row.epoch === null || row.state === null || row.broadcast_created_at === null) return null;
  return {
    id: row.broadcast_id,
    streamId,
    epoch: row.epoch,
    state: row.state,
    createdAt: row.broadcast_created_at,
    startedAt: row.started_at,
    reconnectUntil: row.reconnect_until,
    endedAt: row.ended_at,
    endReason: row.end_reason,
  };
}
