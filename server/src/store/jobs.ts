/** Jobs in the database: put once, taken by one server at a time under a lease, tried again until they are done. */
import { type ExpressionBuilder, type Kysely, sql, type Transaction } from 'kysely';
import type { Schema } from './schema.ts';

export interface NewJob {
  readonly id: string;
  readonly kind: string;
  /** Of several jobs of a kind with one key there is one row: with the newest data, due at the earliest of their times. */
  readonly uniqueKey?: string | undefined;
  /** The only one that can do it; any unless given. */
  readonly serverId?: string | undefined;
  readonly data: object;
  readonly runAt: Date;
  readonly at: Date;
}

export interface TakenJob {
  readonly id: string;
  readonly kind: string;
  readonly data: unknown;
  /** This one included. */
  readonly attempts: number;
}

export interface Lease {
  readonly id: string;
  readonly until: Date;
}

/** How many jobs of a kind there are. */
export interface JobCensus {
  readonly kind: string;
  /** Worked on now. */
  readonly running: number;
  /** Due, and nobody works on them. */
  readonly waiting: number;
  /** Due later, for the first time or as planned. */
  readonly scheduled: number;
  /** Due later because they did not work the last time. */
  readonly failed: number;
  /** How long the first of those that wait has been due; 0 when none waits. */
  readonly oldestWaitingMs: number;
}

const FREE = { lease_id: null, lease_until: null, put_again: false } as const;

export class JobStore {
  /** Of this server. */
  readonly serverId: string | undefined;
  readonly #db: Kysely<Schema>;

  /** @param serverId without it, work that needs a certain server is not seen. */
  constructor(db: Kysely<Schema>, serverId?: string) {
    this.#db = db;
    this.serverId = serverId;
  }

  /**
   * One that is being worked on is done once more afterwards.
   * @param db the transaction of what the job follows from: either both are written or none.
   */
  async put(job: NewJob, db: Kysely<Schema> | Transaction<Schema> = this.#db): Promise<void> {
    await db
      .insertInto('jobs')
      .values({
        id: job.id,
        kind: job.kind,
        unique_key: job.uniqueKey ?? null,
        server_id: job.serverId ?? null,
        data: JSON.stringify(job.data),
        run_at: job.runAt,
        attempts: 0,
        put_again: false,
        lease_id: null,
        lease_until: null,
        last_error: null,
        created_at: job.at,
      })
      .onConflict((conflict) =>
        conflict.columns(['kind', 'unique_key']).doUpdateSet((eb) => ({
          data: eb.ref('excluded.data'),
          server_id: eb.ref('excluded.server_id'),
          run_at: sql`least(${eb.ref('jobs.run_at')}, ${eb.ref('excluded.run_at')})`,
          put_again: sql`${eb.ref('jobs.lease_id')} is not null`,
        })),
      )
      .execute();
  }

  /** Up to `limit` jobs that are due and that nobody works on, the longest due first. What another server takes at the same moment is passed over. */
  async take({ kind, limit, now, lease }: { readonly kind: string; readonly limit: number; readonly now: Date; readonly lease: Lease }): Promise<TakenJob[]> {
    return this.#db
      .updateTable('jobs')
      .set((eb) => ({ lease_id: lease.id, lease_until: lease.until, attempts: eb('attempts', '+', 1) }))
      .where('id', 'in', (query) =>
        query
          .selectFrom('jobs')
          .select('id')
          .where('kind', '=', kind)
          .where((eb) => this.#isMine(eb))
          .where('run_at', '<=', now)
          .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<=', now)]))
          .orderBy('run_at')
          .limit(limit)
          .forUpdate()
          .skipLocked(),
      )
      .returning(['id', 'kind', 'data', 'attempts'])
      .execute();
  }

  /** When the next job of these kinds becomes due, or its lease runs out; undefined when there is none. */
  async nextDue(kinds: readonly string[]): Promise<Date | undefined> {
    if (kinds.length === 0) return undefined;
    const row = await this.#db
      .selectFrom('jobs')
      .select(sql<Date | null>`min(greatest(run_at, coalesce(lease_until, run_at)))`.as('due'))
      .where('kind', 'in', kinds)
      .where((eb) => this.#isMine(eb))
      .executeTakeFirst();
    return row?.due ?? undefined;
  }

  /** Puts off the end of these leases. Returns the jobs that are still this holder's. */
  async renew(jobIds: readonly string[], lease: Lease): Promise<ReadonlySet<string>> {
    if (jobIds.length === 0) return new Set();
    const rows = await this.#db.updateTable('jobs').set({ lease_until: lease.until }).where('id', 'in', jobIds).where('lease_id', '=', lease.id).returning('id').execute();
    return new Set(rows.map(({ id }) => id));
  }

  async done(jobId: string, leaseId: string): Promise<void> {
    await this.#db.deleteFrom('jobs').where('id', '=', jobId).where('lease_id', '=', leaseId).where('put_again', '=', false).execute();
    await this.#db.updateTable('jobs').set(FREE).where('id', '=', jobId).where('lease_id', '=', leaseId).execute();
  }

  /** Gives the job back, to be taken again at `runAt`. Data that is given replaces what it had; but what was put meanwhile is newer, and due when it was put for. */
  async again(jobId: string, leaseId: string, next: { readonly runAt: Date; readonly error: string | null; readonly data?: object | undefined }): Promise<void> {
    const theJob = this.#db.updateTable('jobs').where('id', '=', jobId).where('lease_id', '=', leaseId);
    const left = { ...FREE, last_error: next.error };
    const isLeft = await theJob
      .set({ ...left, run_at: next.runAt, ...(next.data === undefined ? {} : { data: JSON.stringify(next.data) }) })
      .where('put_again', '=', false)
      .executeTakeFirst();
    if (isLeft.numUpdatedRows === 0n) await theJob.set((eb) => ({ ...left, run_at: sql`least(${eb.ref('run_at')}, ${next.runAt}::timestamptz)` })).execute();
  }

  /** By kind; of every server on this database. */
  async census(now: number): Promise<JobCensus[]> {
    const at = new Date(now);
    const isFree = sql<boolean>`(lease_until is null or lease_until <= ${at})`;
    const isDue = sql<boolean>`(${isFree} and run_at <= ${at})`;
    const isLater = sql<boolean>`(${isFree} and run_at > ${at})`;
    const rows = await this.#db
      .selectFrom('jobs')
      .select([
        'kind',
        sql<string>`count(*) filter (where not ${isFree})`.as('running'),
        sql<string>`count(*) filter (where ${isDue})`.as('waiting'),
        sql<string>`count(*) filter (where ${isLater} and last_error is null)`.as('scheduled'),
        sql<string>`count(*) filter (where ${isLater} and last_error is not null)`.as('failed'),
        sql<Date | null>`min(run_at) filter (where ${isDue})`.as('oldest'),
      ])
      .groupBy('kind')
      .orderBy('kind')
      .execute();
    return rows.map(({ kind, running, waiting, scheduled, failed, oldest }) => ({
      kind,
      running: Number(running),
      waiting: Number(waiting),
      scheduled: Number(scheduled),
      failed: Number(failed),
      oldestWaitingMs: oldest ? now - oldest.getTime() : 0,
    }));
  }

  /** Takes back what nobody has begun. False: it is being worked on. */
  async cancel({ kind, uniqueKey }: { readonly kind: string; readonly uniqueKey: string }): Promise<boolean> {
    const theJob = this.#db.deleteFrom('jobs').where('kind', '=', kind).where('unique_key', '=', uniqueKey);
    await theJob.where('lease_id', 'is', null).execute();
    const left = await this.#db.selectFrom('jobs').select('id').where('kind', '=', kind).where('unique_key', '=', uniqueKey).executeTakeFirst();
    return left === undefined;
  }

  #isMine(eb: ExpressionBuilder<Schema, 'jobs'>) {
    const isAnys = eb('server_id', 'is', null);
    return this.serverId === undefined ? isAnys : eb.or([isAnys, eb('server_id', '=', this.serverId)]);
  }

  /** Ends every lease. Only where no other server can be at work: on the embedded database, at start. */
  async releaseAll(): Promise<void> {
    await this.#db.updateTable('jobs').set(FREE).where('lease_id', 'is not', null).execute();
  }
}
