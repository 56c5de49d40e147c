/** Minutes of streams in the database. */
import type { MinuteMeasurement } from '@millrace/contract/entities/measurement';
import { type Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';

export interface MinuteRow extends MinuteMeasurement {
  readonly streamId: string;
  readonly broadcastId: string;
}

export class MeasurementStore {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** Writes each minute over what was written of it before. Minutes of streams that are gone are left out. No minute of a stream twice. */
  async put(rows: readonly MinuteRow[]): Promise<void> {
    if (rows.length === 0) return;
    await sql`
      insert into minute_measurements (stream_id, at, broadcast_id, video_bits_per_second, audio_bits_per_second, frames_per_second,
        key_frame_interval_seconds, dropped_units, viewers)
      select m."streamId", m.at, m."broadcastId", m."videoBitsPerSecond", m."audioBitsPerSecond", m."framesPerSecond",
        m."keyFrameIntervalSeconds", m."droppedUnits", m.viewers
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as m(
        "streamId" text, at timestamptz, "broadcastId" text, "videoBitsPerSecond" double precision, "audioBitsPerSecond" double precision,
        "framesPerSecond" double precision, "keyFrameIntervalSeconds" double precision, "droppedUnits" integer, viewers integer)
      join streams on streams.id = m."streamId"
      on conflict (stream_id, at) do update set broadcast_id = excluded.broadcast_id, video_bits_per_second = excluded.video_bits_per_second,
        audio_bits_per_second = excluded.audio_bits_per_second, frames_per_second = excluded.frames_per_second,
        key_frame_interval_seconds = excluded.key_frame_interval_seconds, dropped_units = excluded.dropped_units, viewers = excluded.viewers`.execute(this.#db);
  }

  /** The last `limit` minutes since `since`, oldest first. */
  async since(streamId: string, since: Date, limit: number): Promise<MinuteMeasurement[]> {
    const rows = await this.#db
      .selectFrom('minute_measurements')
      .selectAll()
      .where('stream_id', '=', streamId)
      .where('at', '>=', since)
      .orderBy('at', 'desc')
      .limit(limit)
      .execute();
    return rows.reverse().map((row) => ({
      at: row.at.toISOString(),
      videoBitsPerSecond: row.video_bits_per_second,
      audioBitsPerSecond: row.audio_bits_per_second,
      framesPerSecond: row.frames_per_second,
      keyFrameIntervalSeconds: row.key_frame_interval_seconds,
      droppedUnits: row.dropped_units,
      viewers: row.viewers,
    }));
  }
}
