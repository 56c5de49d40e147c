/** Files on their way to object storage: how far each has come, so that a restart goes on from there. */
import { type Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';

export interface UploadPart {
  /** From 1. */
  readonly number: number;
  /** As the store named it. */
  readonly etag: string;
  /** Of its bytes, in hex. */
  readonly md5: string;
}

export interface Upload {
  /** The object's name. */
  readonly key: string;
  readonly size: number;
  /** The file's: a file that changes begins anew. */
  readonly modifiedAt: Date;
  readonly partSize: number;
  /** Null: in one piece. */
  readonly multipartId: string | null;
  readonly verifiedAt: Date | null;
  readonly parts: readonly UploadPart[];
}

export class UploadStore {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async byKey(key: string): Promise<Upload | undefined> {
    const row = await this.#db.selectFrom('uploads').selectAll().where('key', '=', key).executeTakeFirst();
    if (!row) return undefined;
    const parts = await this.#db.selectFrom('upload_parts').select(['number', 'etag', 'md5']).where('key', '=', key).orderBy('number').execute();
    return {
      key,
      size: Number(row.size),
      modifiedAt: row.modified_at,
      partSize: Number(row.part_size),
      multipartId: row.multipart_id,
      verifiedAt: row.verified_at,
      parts,
    };
  }

  /** Forgets what was known of this object before. */
  async begin({ key, size, modifiedAt, partSize, multipartId }: Omit<Upload, 'parts' | 'verifiedAt'>): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await transaction.deleteFrom('uploads').where('key', '=', key).execute();
      const values = { key, size: String(size), modified_at: modifiedAt, part_size: String(partSize), multipart_id: multipartId, verified_at: null };
      await transaction.insertInto('uploads').values(values).execute();
    });
  }

  async addPart(key: string, part: UploadPart): Promise<void> {
    const { number, ...found } = part;
    await this.#db
      .insertInto('upload_parts')
      .values({ key, ...part })
      .onConflict((conflict) => conflict.columns(['key', 'number']).doUpdateSet(found))
      .execute();
  }

  /** It is there, whole. Its parts are of no more use. */
  async verified(key: string, at: Date): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await transaction.updateTable('uploads').set({ verified_at: at, multipart_id: null }).where('key', '=', key).execute();
      await transaction.deleteFrom('upload_parts').where('key', '=', key).execute();
    });
  }

  async forget(key: string): Promise<void> {
    await this.#db.deleteFrom('uploads').where('key', '=', key).execute();
  }

  /** Keys and sizes of what is there, whole, below a prefix. */
  async verifiedBelow(prefix: string): Promise<{ key: string; size: number }[]> {
    const rows = await this.#db
      .selectFrom('uploads')
      .select(['key', 'size'])
      .where(sql<boolean>`starts_with(key, ${prefix})`)
      .where('verified_at', 'is not', null)
      .orderBy('key')
      .execute();
    return rows.map(({ key, size }) => ({ key, size: Number(size) }));
  }

  /** Forgets everything below a prefix. Returns the multipart uploads that were not finished. */
  async forgetBelow(prefix: string): Promise<{ key: string; multipartId: string }[]> {
    const rows = await this.#db.deleteFrom('uploads').where(sql<boolean>`starts_with(key, ${prefix})`).returning(['key', 'multipart_id']).execute();
    return rows.flatMap(({ key, multipart_id: multipartId }) => (multipartId === null ? [] : [{ key, multipartId }]));
  }
}
