/** Recordings in the database. The media itself lies in the data folder. */
import type { RecordingProblem, RecordingSettings, RecordingState } from '@millrace/contract/entities/recording';
import type { Kysely, Selectable, Transaction, Updateable } from 'kysely';
import type { RecordingsTable, Schema } from './schema.ts';

export interface StoredRecording extends RecordingSettings {
  readonly id: string;
  readonly ownerId: string;
  readonly streamId: string | null;
  readonly broadcastId: string;
  readonly state: RecordingState;
  readonly problem: RecordingProblem | null;
  readonly seconds: number;
  readonly bytes: number;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly updatedAt: Date;
  /** When all of it was in object storage, verified. */
  readonly uploadedAt: Date | null;
  /** Whether its files lie on a server. */
  readonly isLocal: boolean;
  /** On which; null from before servers had names. */
  readonly serverId: string | null;
}

export interface UnfinishedRecording {
  readonly recording: StoredRecording;
  /** It was not to be kept. */
  readonly isUnwanted: boolean;
}

/** On the server that puts it in. */
export type NewRecording = Omit<StoredRecording, 'serverId'>;

/** What follows from a change, in its transaction: both are written or none. */
export type Also = (transaction: Transaction<Schema>, recording: StoredRecording) => Promise<void>;

export interface RecordingFilter {
  readonly streamId?: string | undefined;
  readonly state?: RecordingState | undefined;
  /** Part of the title. */
  readonly text?: string | undefined;
}

export interface RecordingPage {
  readonly after: { readonly startedAt: Date; readonly id: string } | undefined;
  readonly limit: number;
}

/** How a recording ended. */
export interface RecordingEnd {
  readonly state: 'ready' | 'failed';
  readonly problem: RecordingProblem | null;
  readonly seconds: number;
  readonly bytes: number;
  readonly endedAt: Date;
}

export class RecordingStore {
  readonly #db: Kysely<Schema>;
  readonly #serverId: string;

  constructor(db: Kysely<Schema>, serverId: string) {
    this.#db = db;
    this.#serverId = serverId;
  }

  /** Whether its files are, or were, on another server's disk. */
  isOfAnother({ serverId }: StoredRecording): boolean {
    return serverId !== null && serverId !== this.#serverId;
  }

  async insert(recording: NewRecording, also?: Also): Promise<StoredRecording> {
    const stored = { ...recording, serverId: this.#serverId };
    await this.#db.transaction().execute(async (transaction) => {
      const values = {
        id: recording.id,
        owner_id: recording.ownerId,
        stream_id: recording.streamId,
        broadcast_id: recording.broadcastId,
        title: recording.title,
        visibility: recording.visibility,
        state: recording.state,
        problem: recording.problem,
        seconds: recording.seconds,
        bytes: recording.bytes,
        started_at: recording.startedAt,
        ended_at: recording.endedAt,
        updated_at: recording.updatedAt,
        uploaded_at: recording.uploadedAt,
        is_local: recording.isLocal,
        server_id: stored.serverId,
      };
      await transaction.insertInto('recordings').values(values).execute();
      await also?.(transaction, stored);
    });
    return stored;
  }

  async byId(id: string): Promise<StoredRecording | undefined> {
    const row = await this.#db.selectFrom('recordings').selectAll().where('id', '=', id).executeTakeFirst();
    return row && recordingOfRow(row);
  }

  /** Newest first. */
  async listOwned(ownerId: string, { streamId, state, text }: RecordingFilter, { after, limit }: RecordingPage): Promise<StoredRecording[]> {
    let query = this.#db.selectFrom('recordings').selectAll().where('owner_id', '=', ownerId);
    if (streamId !== undefined) query = query.where('stream_id', '=', streamId);
    if (state !== undefined) query = query.where('state', '=', state);
    if (text !== undefined && text !== '') query = query.where('title', 'ilike', `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`);
    if (after) query = query.where((eb) => eb.or([eb('started_at', '<', after.startedAt), eb.and([eb('started_at', '=', after.startedAt), eb('id', '<', after.id)])]));
    const rows = await query.orderBy('started_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
    return rows.map(recordingOfRow);
  }

  /** The one that shows most of a broadcast: a restart of the server begins another. */
  async longestReady(streamId: string, broadcastId: string): Promise<StoredRecording | undefined> {
    const row = await this.#db
      .selectFrom('recordings')
      .selectAll()
      .where('stream_id', '=', streamId)
      .where('broadcast_id', '=', broadcastId)
      .where('state', '=', 'ready')
      .orderBy('seconds', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row && recordingOfRow(row);
  }

  /** The one of a broadcast that is being made, else the one that changed last. */
  async latestOf(streamId: string, broadcastId: string): Promise<StoredRecording | undefined> {
    const ofBroadcast = this.#db.selectFrom('recordings').selectAll().where('stream_id', '=', streamId).where('broadcast_id', '=', broadcastId);
    const row = await ofBroadcast
      .orderBy((eb) => eb('state', '=', 'recording'), 'desc')
      .orderBy('updated_at', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row && recordingOfRow(row);
  }

  /** Their ids: everything of a broadcast that is not being made. */
  async endedOf(streamId: string, broadcastId: string): Promise<string[]> {
    const ofBroadcast = this.#db.selectFrom('recordings').select('id').where('stream_id', '=', streamId).where('broadcast_id', '=', broadcastId);
    const rows = await ofBroadcast.where('state', '!=', 'recording').execute();
    return rows.map(({ id }) => id);
  }

  /** Of those that no server has a name on, these lie here. */
  async claim(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#db.updateTable('recordings').set({ server_id: this.#serverId }).where('server_id', 'is', null).where('id', 'in', ids).execute();
  }

  /** Those that this server was making, also those that another gave up meanwhile. */
  async unfinished(): Promise<UnfinishedRecording[]> {
    const isGivenUp = { state: 'failed', problem: 'interrupted' } as const;
    const rows = await this.#mine()
      .where((eb) => eb.or([eb('state', '=', 'recording'), eb.and(isGivenUp)]))
      .execute();
    return rows.map(unfinishedOfRow);
  }

  /** Those that servers were making which nobody has seen since then. */
  async abandoned(unseenSince: Date): Promise<UnfinishedRecording[]> {
    const ofGone = this.#db
      .selectFrom('recordings')
      .selectAll()
      .where('server_id', 'in', this.#db.selectFrom('servers').select('id').where('seen_at', '<=', unseenSince));
    const rows = await ofGone.where('state', '=', 'recording').execute();
    return rows.map(unfinishedOfRow);
  }

  /** Its server is gone: there is nothing to play unless it comes back. Undefined: it is no longer being made. */
  async giveUp({ id, startedAt }: StoredRecording, at: Date, also?: Also): Promise<StoredRecording | undefined> {
    return this.#change(id, { state: 'failed', problem: 'interrupted', ended_at: startedAt, updated_at: at }, also, 'recording');
  }

  /** What is being made of a broadcast will not be kept, whatever happens before it ends. */
  async setUnwanted(streamId: string, broadcastId: string): Promise<void> {
    const ofBroadcast = this.#db.updateTable('recordings').set({ is_unwanted: true }).where('stream_id', '=', streamId).where('broadcast_id', '=', broadcastId);
    await ofBroadcast.where('state', '=', 'recording').execute();
  }

  /** Those of `ids` that exist. */
  async existing(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const rows = await this.#db.selectFrom('recordings').select('id').where('id', 'in', ids).execute();
    return new Set(rows.map(({ id }) => id));
  }

  /** Bytes of everything that this owner keeps. */
  async bytesOf(ownerId: string): Promise<number> {
    const { bytes } = await this.#db
      .selectFrom('recordings')
      .select((eb) => eb.fn.coalesce(eb.fn.sum<number>('bytes'), eb.lit(0)).as('bytes'))
      .where('owner_id', '=', ownerId)
      .executeTakeFirstOrThrow();
    return Number(bytes);
  }

  async finish(id: string, { state, problem, seconds, bytes, endedAt }: RecordingEnd, at: Date, also?: Also): Promise<StoredRecording | undefined> {
    return this.#change(id, { state, problem, seconds, bytes, ended_at: endedAt, updated_at: at }, also);
  }

  /** All of it is in object storage; null: not all of it is there any more. */
  async setUploaded(id: string, at: Date | null, also?: Also): Promise<StoredRecording | undefined> {
    return this.#change(id, { uploaded_at: at }, also);
  }

  /** Its files are gone from the server. */
  async setElsewhere(id: string): Promise<void> {
    await this.#change(id, { is_local: false });
  }

  /** Those on this server that could be in object storage and are not. */
  async notUploaded(): Promise<StoredRecording[]> {
    const rows = await this.#mine().where('state', '=', 'ready').where('uploaded_at', 'is', null).execute();
    return rows.map(recordingOfRow);
  }

  /** Those that lie on this server as well as in object storage, where they came by `until`; the longest there first, behind `after`. */
  async copies(until: Date, { after, limit }: { readonly after: Pick<StoredRecording, 'id' | 'uploadedAt'> | undefined; readonly limit: number }): Promise<StoredRecording[]> {
    let query = this.#mine().where('is_local', '=', true).where('uploaded_at', '<=', until);
    if (after) query = query.where((eb) => eb.or([eb('uploaded_at', '>', after.uploadedAt), eb.and([eb('uploaded_at', '=', after.uploadedAt), eb('id', '>', after.id)])]));
    const rows = await query.orderBy('uploaded_at').orderBy('id').limit(limit).execute();
    return rows.map(recordingOfRow);
  }

  async update(id: string, { title, visibility }: { readonly [Key in keyof RecordingSettings]?: RecordingSettings[Key] | undefined }, at: Date): Promise<void> {
    await this.#db.updateTable('recordings').set({ title, visibility, updated_at: at }).where('id', '=', id).execute();
  }

  /** Returns what it was; undefined: there was none. */
  delete(id: string, also?: Also): Promise<StoredRecording | undefined> {
    return this.#db.transaction().execute(async (transaction) => {
      const row = await transaction.deleteFrom('recordings').where('id', '=', id).returningAll().executeTakeFirst();
      if (!row) return undefined;
      const recording = recordingOfRow(row);
      await also?.(transaction, recording);
      return recording;
    });
  }

  #mine() {
    return this.#db.selectFrom('recordings').selectAll().where('server_id', '=', this.#serverId);
  }

  /** @param from the state that it must be in. */
  #change(id: string, values: Partial<Updateable<RecordingsTable>>, also?: Also, from?: RecordingState): Promise<StoredRecording | undefined> {
    return this.#db.transaction().execute(async (transaction) => {
      let update = transaction.updateTable('recordings').set(values).where('id', '=', id);
      if (from !== undefined) update = update.where('state', '=', from);
      const row = await update.returningAll().executeTakeFirst();
      if (!row) return undefined;
      const recording = recordingOfRow(row);
      await also?.(transaction, recording);
      return recording;
    });
  }
}

function unfinishedOfRow(row: Selectable<RecordingsTable>): UnfinishedRecording {
  return { recording: recordingOfRow(row), isUnwanted: row.is_unwanted };
}

function recordingOfRow(row: Selectable<RecordingsTable>): StoredRecording {
  return {
    id: row.id,
    ownerId: row.owner_id,
    streamId: row.stream_id,
    broadcastId: row.broadcast_id,
    title: row.title,
    visibility: row.visibility,
    state: row.state,
    problem: row.problem,
    seconds: row.seconds,
    bytes: row.bytes,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    updatedAt: row.updated_at,
    uploadedAt: row.uploaded_at,
    isLocal: row.is_local,
    serverId: row.server_id,
  };
}
