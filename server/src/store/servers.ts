/** The servers that work on this database. */
import type { Kysely } from 'kysely';
import type { Schema } from './schema.ts';

export class ServerStore {
  readonly #db: Kysely<Schema>;
  readonly #serverId: string;

  constructor(db: Kysely<Schema>, serverId: string) {
    this.#db = db;
    this.#serverId = serverId;
  }

  /** This one runs. */
  async seen(at: Date): Promise<void> {
    await this.#db
      .insertInto('servers')
      .values({ id: this.#serverId, seen_at: at })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at: at }))
      .execute();
  }

  /** Makes everything this server's. Only where there can be no other: the embedded database lies in the folder that the name stands for. */
  async adoptAll(): Promise<void> {
    const mine = { server_id: this.#serverId };
    await this.#db.updateTable('broadcasts').set(mine).where('server_id', 'is distinct from', this.#serverId).execute();
    await this.#db.updateTable('recordings').set(mine).where('server_id', 'is distinct from', this.#serverId).execute();
    await this.#db.updateTable('sources').set(mine).where('server_id', 'is distinct from', this.#serverId).execute();
    await this.#db.updateTable('jobs').set({ server_id: null }).where('server_id', 'is not', null).execute();
  }
}
