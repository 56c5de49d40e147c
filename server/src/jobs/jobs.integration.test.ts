/** Jobs on both kinds of database: done once however many servers look, taken over from one that died, tried again when they fail. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FakeClock, systemClock } from '../lib/clock.ts';
import { silentLog } from '../lib/silent-log.ts';
import { JobStore } from '../store/jobs.ts';
import { openStore, type Store } from '../store/open.ts';
import { type PostgresServer, startPostgres } from '../store/testing/postgres-server.ts';
import { prepareData } from '../store/testing/temporary-store.ts';
import { type JobHandler, type JobOutcome, JobRunner, type RunningJob } from './runner.ts';

/** Of a fake clock. */
const STEP_MS = 200;

const DONE: JobOutcome = { kind: 'done' };

let folder = '';
let postgres: PostgresServer | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-jobs-'));
  postgres = await startPostgres();
});

afterAll(async () => {
  await postgres?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

jobsOn('the embedded database', () => {
  const dataDir = join(folder, 'embedded');
  prepareData(dataDir);
  return openStore({ dataDir, log: silentLog });
});
jobsOn('a PostgreSQL server', () => openStore({ dataDir: join(folder, 'server'), databaseUrl: postgres?.url, log: silentLog }));

function jobsOn(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    let store: Store | undefined;
    const runners: JobRunner[] = [];
    const db = () => {
      if (!store) throw new Error('the store is not open');
      return store.db;
    };

    beforeAll(async () => {
      store = await open();
    });

    afterEach(async () => {
      await Promise.all(runners.splice(0).map((runner) => runner.close()));
      await db().deleteFrom('jobs').execute();
    });

    afterAll(async () => {
      await store?.close();
    });

    function runnerOf(handler: Partial<JobHandler> & Pick<JobHandler, 'run'>, clock = systemClock): JobRunner {
      const runner = new JobRunner({ store: new JobStore(db()), clock, log: silentLog, handlers: [{ kind: 'work', concurrency: 4, ...handler }], newId: nanoid });
      runners.push(runner);
      return runner;
    }

    async function put(data: object = {}, more: { readonly uniqueKey?: string; readonly runAt?: Date; readonly at?: Date } = {}): Promise<void> {
      const at = more.at ?? new Date();
      await new JobStore(db()).put({ id: nanoid(), kind: 'work', data, at, runAt: at, ...more });
    }

    /** Moves the clock on at the pace of the database: a step lasts as long as a query of the runner. */
    async function advanceUntil(clock: FakeClock, reached: () => boolean | Promise<boolean>): Promise<void> {
      for (let steps = 0; !(await reached()); steps++) {
        if (steps > 20_000) throw new Error('it never came to that');
        await rows();
        clock.advance(STEP_MS);
      }
    }

    const rows = () => db().selectFrom('jobs').selectAll().execute();

    test('are counted by what becomes of them', async () => {
      const now = 1_800_000_000_000;
      const at = new Date(now);
      const store = new JobStore(db());
      const lease = { id: 'mine', until: new Date(now + 30_000) };
      const due = (ms: number) => put({}, { at: new Date(now - 60_000), runAt: new Date(now + ms) });
      await due(-20_000);
      const [running] = await store.take({ kind: 'work', limit: 1, now: at, lease });
      await due(-10_000);
      const [failed] = await store.take({ kind: 'work', limit: 1, now: at, lease });
      await store.again(failed?.id ?? '', lease.id, { runAt: new Date(now + 5_000), error: 'it did not work' });
      for (const ms of [-4_000, -2_500, 60_000]) await due(ms);
      expect(running).toBeDefined();
      expect(await store.census(now)).toEqual([{ kind: 'work', running: 1, waiting: 2, scheduled: 1, failed: 1, oldestWaitingMs: 4_000 }]);
      // A lease that has run out leaves a job to be taken again.
      expect(await store.census(now + 40_000)).toMatchObject([{ running: 0, waiting: 4, scheduled: 1, failed: 0, oldestWaitingMs: 60_000 }]);
    });

    test('each job is done once, however many servers take them', async () => {
      const total = 60;
      const seen: unknown[] = [];
      const all = Promise.withResolvers<void>();
      const run = async ({ data }: RunningJob) => {
        seen.push(data);
        if (seen.length === total) all.resolve();
        return DONE;
      };
      for (let i = 0; i < total; i++) await put({ i });
      for (const runner of [runnerOf({ run }), runnerOf({ run }), runnerOf({ run })]) runner.start();
      await all.promise;
      await Promise.all(runners.splice(0).map((runner) => runner.close()));
      expect(new Set(seen.map((data) => JSON.stringify(data))).size).toBe(total);
      expect(seen).toHaveLength(total);
      expect(await rows()).toEqual([]);
    });

    test('no more run at once than a kind allows, and one that ends makes room for the next', async () => {
      let now = 0;
      let most = 0;
      let done = 0;
      const all = Promise.withResolvers<void>();
      const runner = runnerOf({
        concurrency: 2,
        async run() {
          most = Math.max(most, ++now);
          await db().selectFrom('jobs').select('id').execute();
          now--;
          if (++done === 9) all.resolve();
          return DONE;
        },
      });
      for (let i = 0; i < 9; i++) await put();
      runner.start();
      await all.promise;
      expect(most).toBe(2);
    });

    test('a job whose transaction fails was never there', async () => {
      const store = new JobStore(db());
      const at = new Date();
      const failing = db()
        .transaction()
        .execute(async (transaction) => {
          await store.put({ id: nanoid(), kind: 'work', data: {}, at, runAt: at }, transaction);
          throw new Error('changed my mind');
        });
      await expect(failing).rejects.toThrow('changed my mind');
      expect(await rows()).toEqual([]);
    });

    test('of several with one key there is one, with the newest data, for the earliest of their times', async () => {
      const late = new Date(Date.now() + 3_600_000);
      const early = new Date(Date.now() + 60_000);
      await put({ first: true }, { uniqueKey: 'a', runAt: late });
      await put({ second: true }, { uniqueKey: 'a', runAt: early });
      await put({ third: true }, { uniqueKey: 'a', runAt: late });
      await put({}, { uniqueKey: 'b' });
      const kept = (await rows()).filter(({ unique_key }) => unique_key === 'a');
      expect(kept).toMatchObject([{ data: { third: true }, run_at: early }]);
    });

    test('one that is put while it is being done is done once more', async () => {
      const seen: unknown[] = [];
      const second = Promise.withResolvers<void>();
      const runner = runnerOf({
        async run({ data }) {
          seen.push(data);
          if (seen.length === 1) await put({ turn: 2 }, { uniqueKey: 'a' });
          else second.resolve();
          return DONE;
        },
      });
      await put({ turn: 1 }, { uniqueKey: 'a' });
      runner.start();
      await second.promise;
      await runner.close();
      expect(seen).toEqual([{ turn: 1 }, { turn: 2 }]);
      expect(await rows()).toEqual([]);
    });

    test('what is put while one is being done is not put off by what that one asks for', async () => {
      const store = new JobStore(db());
      const now = Date.now();
      const lease = { id: 'mine', until: new Date(now + 30_000) };
      const takeOne = async () => (await store.take({ kind: 'work', limit: 1, now: new Date(now), lease }))[0]?.id ?? '';
      await put({ turn: 1 }, { uniqueKey: 'a', runAt: new Date(now - 1_000) });
      const first = await takeOne();
      await put({ turn: 2 }, { uniqueKey: 'a', runAt: new Date(now) });
      await store.again(first, lease.id, { runAt: new Date(now + 3_600_000), error: 'no luck', data: { turn: 1 } });
      expect(await rows()).toMatchObject([{ data: { turn: 2 }, lease_id: null, put_again: false, last_error: 'no luck' }]);
      expect((await rows())[0]?.run_at.getTime()).toBeLessThanOrEqual(now);
      // Then it is put off as ever.
      await store.again(await takeOne(), lease.id, { runAt: new Date(now + 3_600_000), error: 'no luck' });
      expect((await rows())[0]?.run_at.getTime()).toBe(now + 3_600_000);
    });

    test('work that needs a certain server waits for it, and keeps no other busy', async () => {
      const [here, there] = [new JobStore(db(), 'here'), new JobStore(db(), 'there')];
      const now = new Date();
      await here.put({ id: nanoid(), kind: 'work', uniqueKey: 'a', serverId: here.serverId, data: {}, runAt: now, at: now });
      const take = (store: JobStore) => store.take({ kind: 'work', limit: 5, now, lease: { id: 'lease', until: new Date(now.getTime() + 30_000) } });
      expect(await take(there)).toEqual([]);
      expect(await there.nextDue(['work'])).toBeUndefined();
      expect(await here.nextDue(['work'])).toEqual(now);
      expect(await take(here)).toHaveLength(1);
    });

    test('a job runs when it is due, and again when it asks for it, with the data it gave', async () => {
      const clock = new FakeClock();
      const turns = [Promise.withResolvers<RunningJob>(), Promise.withResolvers<RunningJob>()];
      let turn = 0;
      const runner = runnerOf(
        {
          async run(job) {
            turns[turn++]?.resolve(job);
            return turn === 1 ? { kind: 'again', inMs: 60_000, reason: null, data: { tries: 1 } } : DONE;
          },
        },
        clock,
      );
      await put({ tries: 0 }, { at: new Date(clock.now()), runAt: new Date(clock.now() + 10_000) });
      runner.start();
      await advanceUntil(clock, () => turn === 1);
      expect(await turns[0]?.promise).toMatchObject({ data: { tries: 0 }, attempts: 1 });
      const firstAt = clock.now();
      const store = new JobStore(db());
      // What goes as planned is no failure.
      await advanceUntil(clock, async () => (await store.census(clock.now()))[0]?.scheduled === 1);
      await advanceUntil(clock, () => turn === 2);
      expect(await turns[1]?.promise).toMatchObject({ data: { tries: 1 }, attempts: 2 });
      expect(clock.now() - firstAt).toBeGreaterThanOrEqual(60_000);
    });

    test('what throws is tried again, ever later, and the reason is kept', async () => {
      const clock = new FakeClock();
      const at: number[] = [];
      const runner = runnerOf(
        {
          async run() {
            at.push(clock.now());
            if (at.length < 4) throw new Error(`no luck ${at.length}`);
            return DONE;
          },
        },
        clock,
      );
      await put({}, { at: new Date(clock.now()) });
      runner.start();
      await advanceUntil(clock, () => at.length === 2);
      await advanceUntil(clock, () => at.length === 3);
      expect((await rows())[0]?.last_error).toMatch(/^no luck [23]$/);
      await advanceUntil(clock, () => at.length === 4);
      const waits = at.slice(1).map((time, i) => time - (at[i] ?? 0));
      // Moved on while the database answers, the clock is late and never early.
      expect(waits.map((wait) => Math.floor(wait / 1000 / 5))).toEqual([1, 2, 4]);
    });

    test('the job of a server that died is taken over when its lease has run out, not before', async () => {
      const clock = new FakeClock();
      const jobs = new JobStore(db());
      await put({}, { at: new Date(clock.now()) });
      const now = new Date(clock.now());
      expect(await jobs.take({ kind: 'work', limit: 5, now, lease: { id: 'dead', until: new Date(clock.now() + 30_000) } })).toHaveLength(1);
      let ranAt = 0;
      const runner = runnerOf(
        {
          async run() {
            ranAt = clock.now();
            return DONE;
          },
        },
        clock,
      );
      const diedAt = clock.now();
      runner.start();
      await advanceUntil(clock, () => ranAt > 0);
      expect(ranAt - diedAt).toBeGreaterThanOrEqual(30_000);
      expect(ranAt - diedAt).toBeLessThan(40_000);
    });

    test('a job that takes long keeps its lease; one whose lease was lost is told', async () => {
      const clock = new FakeClock();
      const begun = Promise.withResolvers<AbortSignal>();
      const release = Promise.withResolvers<void>();
      const runner = runnerOf(
        {
          async run({ signal }) {
            begun.resolve(signal);
            await release.promise;
            return DONE;
          },
        },
        clock,
      );
      await put({}, { at: new Date(clock.now()) });
      runner.start();
      const signal = await begun.promise;
      const startedAt = clock.now();
      await advanceUntil(clock, async () => clock.now() - startedAt > 120_000 && (await rows()).every((row) => (row.lease_until?.getTime() ?? 0) > clock.now()));
      expect(signal.aborted).toBe(false);
      expect(await new JobStore(db()).take({ kind: 'work', limit: 5, now: new Date(clock.now()), lease: { id: 'thief', until: new Date() } })).toEqual([]);
      await db().updateTable('jobs').set({ lease_id: 'thief' }).execute();
      await advanceUntil(clock, () => signal.aborted);
      release.resolve();
      await runner.close();
      // It is the thief's to end.
      expect(await rows()).toHaveLength(1);
    });

    test('a server that stops gives back what it did not finish, to be taken at once', async () => {
      const begun = Promise.withResolvers<void>();
      const runner = runnerOf({
        run({ signal }) {
          begun.resolve();
          return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        },
      });
      await put();
      runner.start();
      await begun.promise;
      await runner.close();
      expect(await rows()).toMatchObject([{ lease_id: null, lease_until: null, last_error: 'the server stops' }]);
      const next = Promise.withResolvers<void>();
      runnerOf({
        async run() {
          next.resolve();
          return DONE;
        },
      }).start();
      await next.promise;
    });

    test('leases that a killed process left on a database of its own end at the next start', async () => {
      const jobs = new JobStore(db());
      await put();
      const now = new Date();
      await jobs.take({ kind: 'work', limit: 1, now, lease: { id: 'killed', until: new Date(now.getTime() + 30_000) } });
      await jobs.releaseAll();
      expect(await jobs.take({ kind: 'work', limit: 1, now, lease: { id: 'next', until: new Date(now.getTime() + 30_000) } })).toHaveLength(1);
    });
  });
}
