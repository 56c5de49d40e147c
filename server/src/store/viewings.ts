/** Viewing sessions in the database: written in batches, again and again while they last. */
import type { DeviceKind, PlaybackProtocol } from '@millrace/contract/commands/stream-socket';
import { type Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';

export interface ViewingRow {
  readonly id: string;
  readonly streamId: string;
  readonly broadcastId: string | null;
  readonly userId: string | null;
  readonly startedAt: Date;
  /** When they were last seen, while they watch. */
  readonly endedAt: Date;
  readonly protocol: PlaybackProtocol;
  readonly device: DeviceKind;
  readonly stalls: number;
  readonly meanLatencyMs: number | null;
}

export class ViewingStore {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** Writes each row as it is now, over what was written of it before. Rows of streams that are gone are left out. No id twice. */
  async put(rows: readonly ViewingRow[]): Promise<void> {
    if (rows.length === 0) return;
    // One parameter however many rows; a select, so that a stream deleted meanwhile does not fail the others.
    await sql`
      insert into viewings (id, stream_id, broadcast_id, user_id, started_at, ended_at, protocol, device, stalls, mean_latency_ms)
      select v.id, v."streamId", v."broadcastId", users.id, v."startedAt", v."endedAt", v.protocol, v.device, v.stalls, v."meanLatencyMs"
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as v(
        id text, "streamId" text, "broadcastId" text, "userId" text, "startedAt" timestamptz, "endedAt" timestamptz,
        protocol text, device text, stalls integer, "meanLatencyMs" integer)
      join streams on streams.id = v."streamId"
      left join users on users.id = v."userId"
      on conflict (id) do update set ended_at = excluded.ended_at, stalls = excluded.stalls, mean_latency_ms = excluded.mean_latency_ms`.execute(this.#db);
  }

  /** Newest first. */
  async ofStream(streamId: string, limit: number): Promise<ViewingRow[]> {
    const rows = await this.#db.selectFrom('viewings').selectAll().where('stream_id', '=', streamId).orderBy('started_at', 'desc').limit(limit).execute();
    return rows.map((row) => ({
      id: row.id,
      streamId: row.stream_id,
      broadcastId: row.broadcast_id,
      userId: row.user_id,
      startedAt: row.started_at,
      endedAt: row.ended_at,
      protocol: row.protocol,
      device: row.device,
      stalls: row.stalls,
      meanLatencyMs: row.mean_latency_ms,
    }));
  }
}
