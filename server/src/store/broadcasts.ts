/** Broadcasts in the database: written at each change of state, read after a restart. */
import type { EndReason } from '@millrace/contract/entities/broadcast';
import type { Expression, ExpressionBuilder, Kysely, SqlBool, Transaction } from 'kysely';
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
  readonly #serverId: string;

  constructor(db: Kysely<Schema>, serverId: string) {
    this.#db = db;
    this.#serverId = serverId;
  }

  /**
   * Writes the broadcast of this server as it is now, and makes it its stream's latest unless it is over while another runs, on another server.
   * False: the stream is gone, and so is this.
   * @param also what follows from it, in the same transaction: both are written or none.
   */
  async put(broadcast: BroadcastRow, also?: (transaction: Transaction<Schema>) => Promise<void>): Promise<boolean> {
    const values = {
      id: broadcast.id,
      stream_id: broadcast.streamId,
      server_id: this.#serverId,
      epoch: broadcast.epoch,
      state: broadcast.state,
      created_at: broadcast.createdAt,
      started_at: broadcast.startedAt,
      reconnect_until: broadcast.reconnectUntil,
      ended_at: broadcast.endedAt,
      end_reason: broadcast.endReason,
    };
    return this.#db.transaction().execute(async (transaction) => {
      // The stream's row is the lock.
      const stream = await transaction.selectFrom('streams').select('broadcast_id').where('id', '=', broadcast.streamId).forUpdate().executeTakeFirst();
      if (!stream) return false;
      const isOver = broadcast.state === 'ended' && (await runs(transaction, stream.broadcast_id, broadcast.id));
      if (!isOver) await transaction.updateTable('streams').set({ broadcast_id: broadcast.id }).where('id', '=', broadcast.streamId).execute();
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

  /** Every broadcast of this server that had not ended when it stopped, oldest first. Those that no server has a name on become its own. */
  async takeRunning(): Promise<BroadcastRow[]> {
    return this.#take((eb) => eb.or([eb('server_id', '=', this.#serverId), eb('server_id', 'is', null)]));
  }

  /** Makes those its own that had not ended on servers that nobody has seen since then. */
  async takeAbandoned(unseenSince: Date): Promise<BroadcastRow[]> {
    return this.#take((eb) => eb('server_id', 'in', eb.selectFrom('servers').select('id').where('seen_at', '<=', unseenSince)));
  }

  /** In one statement: of several servers that look at once, one has them. */
  async #take(which: (eb: ExpressionBuilder<Schema, 'broadcasts'>) => Expression<SqlBool>): Promise<BroadcastRow[]> {
    const rows = await this.#db.updateTable('broadcasts').set({ server_id: this.#serverId }).where('state', '<>', 'ended').where(which).returningAll().execute();
    rows.sort((a, b) => a.created_at.getTime() - b.created_at.getTime());
    return rows.flatMap((row) => broadcastOfRow(row.stream_id, { ...row, broadcast_id: row.id, broadcast_created_at: row.created_at }) ?? []);
  }
}

/** Whether this broadcast is another one, and runs. */
async function runs(db: Transaction<Schema>, id: string | null, other: string): Promise<boolean> {
  if (id === null || id === other) return false;
  const row = await db.selectFrom('broadcasts').select('state').where('id', '=', id).executeTakeFirst();
  return row !== undefined && row.state !== 'ended';
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
