/** Streams in the database. */
import type { BroadcastState } from '@millrace/contract/entities/broadcast';
import type { StreamSettings } from '@millrace/contract/entities/stream';
import type { Kysely, Selectable } from 'kysely';
import { errorCodeOf } from '../lib/start-error.ts';
import { type BroadcastRow, broadcastOfRow } from './broadcasts.ts';
import type { Schema, StreamsTable } from './schema.ts';

export interface StoredStream extends StreamSettings {
  readonly id: string;
  readonly ownerId: string;
  readonly ownerKind: 'guest' | 'account';
  readonly code: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** The running broadcast, else the last one. */
  readonly broadcast: BroadcastRow | null;
}

export interface NewStream extends StreamSettings {
  readonly id: string;
  readonly ownerId: string;
  readonly code: string;
  readonly keyHash: Buffer;
  readonly at: Date;
}

export interface PageRequest {
  /** The last row of the page before. */
  readonly after: { readonly createdAt: Date; readonly id: string } | undefined;
  readonly limit: number;
}

/** PostgreSQL's unique_violation. */
const UNIQUE_VIOLATION = '23505';

export class StreamStore {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** `limit_reached`: the owner has `maxOwned` already. `taken`: the code (or, beyond all chance, the id or key) exists; draw again. */
  async insert(stream: NewStream, maxOwned: number): Promise<'inserted' | 'taken' | 'limit_reached'> {
    try {
      return await this.#db.transaction().execute(async (transaction) => {
        // The owner's row is the lock: two requests at once cannot both be the last that fits.
        await transaction.selectFrom('users').select('id').where('id', '=', stream.ownerId).forUpdate().execute();
        const { owned } = await transaction
          .selectFrom('streams')
          .select((eb) => eb.fn.countAll<string>().as('owned'))
          .where('owner_id', '=', stream.ownerId)
          .executeTakeFirstOrThrow();
        if (Number(owned) >= maxOwned) return 'limit_reached';
        await transaction
          .insertInto('streams')
          .values({
            id: stream.id,
            owner_id: stream.ownerId,
            code: stream.code,
            key_hash: stream.keyHash,
            title: stream.title,
            description: stream.description,
            visibility: stream.visibility,
            start: stream.start,
            second_publisher: stream.secondPublisher,
            record: stream.record,
            rewind_seconds: stream.rewindSeconds,
            ladder: stream.ladder,
            broadcast_id: null,
            created_at: stream.at,
            updated_at: stream.at,
          })
          .execute();
        return 'inserted';
      });
    } catch (error) {
      if (errorCodeOf(error) === UNIQUE_VIOLATION) return 'taken';
      throw error;
    }
  }

  /** @param db a transaction to read in. */
  async byId(id: string, db: Kysely<Schema> = this.#db): Promise<StoredStream | undefined> {
    const row = await this.#select(db).where('streams.id', '=', id).executeTakeFirst();
    return row && streamOfRow(row);
  }

  async byCode(code: string): Promise<StoredStream | undefined> {
    const row = await this.#select().where('streams.code', '=', code).executeTakeFirst();
    return row && streamOfRow(row);
  }

  async byKeyHash(keyHash: Buffer): Promise<StoredStream | undefined> {
    const row = await this.#select().where('streams.key_hash', '=', keyHash).executeTakeFirst();
    return row && streamOfRow(row);
  }

  async byIds(ids: readonly string[]): Promise<StoredStream[]> {
    if (ids.length === 0) return [];
    const rows = await this.#select().where('streams.id', 'in', ids).execute();
    return rows.map(streamOfRow);
  }

  /** Newest first. */
  async listOwned(ownerId: string, status: BroadcastState | undefined, page: PageRequest): Promise<StoredStream[]> {
    let query = this.#select().where('streams.owner_id', '=', ownerId);
    if (status === 'idle') query = query.where('broadcasts.id', 'is', null);
    else if (status !== undefined) query = query.where('broadcasts.state', '=', status);
    const { after } = page;
    if (after) {
      query = query.where((eb) =>
        eb.or([eb('streams.created_at', '<', after.createdAt), eb.and([eb('streams.created_at', '=', after.createdAt), eb('streams.id', '<', after.id)])]),
      );
    }
    const rows = await query.orderBy('streams.created_at', 'desc').orderBy('streams.id', 'desc').limit(page.limit).execute();
    return rows.map(streamOfRow);
  }

  async update(id: string, changes: SettingsChange, at: Date): Promise<void> {
    await this.#db
      .updateTable('streams')
      .set({ ...columnsOf(changes), updated_at: at })
      .where('id', '=', id)
      .execute();
  }

  async setKeyHash(id: string, keyHash: Buffer, at: Date): Promise<void> {
    await this.#db.updateTable('streams').set({ key_hash: keyHash, updated_at: at }).where('id', '=', id).execute();
  }

  async delete(id: string): Promise<void> {
    await this.#db.deleteFrom('streams').where('id', '=', id).execute();
  }

  #select(db: Kysely<Schema> = this.#db) {
    return db
      .selectFrom('streams')
      .innerJoin('users', 'users.id', 'streams.owner_id')
      .leftJoin('broadcasts', 'broadcasts.id', 'streams.broadcast_id')
      .select([
        'streams.id',
        'streams.owner_id',
        'users.is_anonymous as owner_is_guest',
        'streams.code',
        'streams.title',
        'streams.description',
        'streams.visibility',
        'streams.start',
        'streams.second_publisher',
        'streams.record',
        'streams.rewind_seconds',
        'streams.ladder',
        'streams.created_at',
        'streams.updated_at',
        'broadcasts.id as broadcast_id',
        'broadcasts.epoch',
        'broadcasts.state',
        'broadcasts.created_at as broadcast_created_at',
        'broadcasts.started_at',
        'broadcasts.reconnect_until',
        'broadcasts.ended_at',
        'broadcasts.end_reason',
      ]);
  }
}

/** Settings to change; what is missing or undefined stays. */
export type SettingsChange = { readonly [Key in keyof StreamSettings]?: StreamSettings[Key] | undefined };

function columnsOf({ title, description, visibility, start, secondPublisher, record, rewindSeconds, ladder }: SettingsChange) {
  return { title, description, visibility, start, second_publisher: secondPublisher, record, rewind_seconds: rewindSeconds, ladder };
}

type StreamRow = Omit<Selectable<StreamsTable>, 'key_hash' | 'broadcast_id'> & Parameters<typeof broadcastOfRow>[1] & { readonly owner_is_guest: boolean };

function streamOfRow(row: StreamRow): StoredStream {
  return {
    id: row.id,
    ownerId: row.owner_id,
    ownerKind: row.owner_is_guest ? 'guest' : 'account',
    code: row.code,
    title: row.title,
    description: row.description,
    visibility: row.visibility,
    start: row.start,
    secondPublisher: row.second_publisher,
    record: row.record,
    rewindSeconds: row.rewind_seconds,
    ladder: row.ladder,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    broadcast: broadcastOfRow(row.id, row),
  };
}
