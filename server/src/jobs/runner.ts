/** Does the jobs of the database: takes what is due, keeps its lease while it works, and gives it back when it fails. */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { JobStore, TakenJob } from '../store/jobs.ts';

/** What becomes of a job that has run. */
export type JobOutcome =
  | { readonly kind: 'done' }
  /** To be run again: for what went wrong, or as planned (null). `data` replaces what it had. */
  | { readonly kind: 'again'; readonly inMs: number; readonly reason: string | null; readonly data?: object };

export interface RunningJob {
  readonly data: unknown;
  /** This run included. */
  readonly attempts: number;
  /** Aborted when the server stops or the lease is lost: what was begun is to be left at a point that can be taken up again. */
  readonly signal: AbortSignal;
}

/** One kind of work. What throws is tried again, ever later. */
export interface JobHandler {
  readonly kind: string;
  /** So many at once in this process. */
  readonly concurrency: number;
  run(job: RunningJob): Promise<JobOutcome>;
}

export interface JobRunnerDeps {
  readonly store: JobStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly handlers: readonly JobHandler[];
  newId(): string;
}

/** A server that died gives its jobs to the others after so long. */
const LEASE_MS = 30_000;

/** Three renewals may fail before the lease is lost. */
const RENEW_MS = 8_000;

/** Work that another server put is seen within this time; this one's own at once. */
const MAX_SLEEP_MS = 5_000;

/** After an unexpected failure: doubled each time, at most six hours. */
const FIRST_RETRY_MS = 5_000;
const MAX_RETRY_MS = 6 * 3600_000;

/** Of an error's message in the database. */
const MAX_REASON_LENGTH = 500;

interface Work {
  readonly job: TakenJob;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

export class JobRunner {
  readonly #deps: JobRunnerDeps;
  /** Of this process. */
  readonly #leaseId: string;
  readonly #working = new Map<string, Work>();
  #timer: Timer | undefined;
  #renewal: Timer | undefined;
  #round: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor(deps: JobRunnerDeps) {
    this.#deps = deps;
    this.#leaseId = deps.newId();
  }

  /** Jobs that this process works on now. */
  get running(): number {
    return this.#working.size;
  }

  start(): void {
    this.#renewal = this.#deps.clock.every(RENEW_MS, () => void this.#renew());
    this.wake();
  }

  /** To be called after a job was put: it is looked for at once. */
  wake(): void {
    if (this.#closed) return;
    if (this.#round) {
      this.#again = true;
      return;
    }
    this.#timer?.cancel();
    this.#round = this.#look().finally(() => {
      this.#round = undefined;
      if (this.#again) {
        this.#again = false;
        this.wake();
      }
    });
  }

  /** Takes no more, lets go of what runs and waits until it has stopped. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#renewal?.cancel();
    await this.#round;
    const works = [...this.#working.values()];
    for (const { abort } of works) abort.abort(new Error('the server stops'));
    await Promise.all(works.map(({ ended }) => ended));
  }

  async #look(): Promise<void> {
    const { store, clock, log, handlers } = this.#deps;
    let sleepMs = MAX_SLEEP_MS;
    // What waits for a free place is looked for again when one becomes free.
    const nextDue = () => store.nextDue(handlers.filter((handler) => this.#roomOf(handler) > 0).map(({ kind }) => kind));
    try {
      let due = await nextDue();
      // Mostly nothing is, and one question is enough.
      if (due && due.getTime() <= clock.now()) {
        for (const handler of handlers) await this.#takeFor(handler);
        due = await nextDue();
      }
      if (due) sleepMs = Math.min(MAX_SLEEP_MS, Math.max(0, due.getTime() - clock.now()));
    } catch (error) {
      log.warn({ err: error }, 'jobs cannot be looked for, trying again');
    }
    if (!this.#closed) this.#timer = clock.after(sleepMs, () => this.wake());
  }

  async #takeFor(handler: JobHandler): Promise<void> {
    const { store, clock } = this.#deps;
    const limit = this.#roomOf(handler);
    if (limit === 0 || this.#closed) return;
    const now = clock.now();
    const jobs = await store.take({ kind: handler.kind, limit, now: new Date(now), lease: { id: this.#leaseId, until: new Date(now + LEASE_MS) } });
    for (const job of jobs) {
      const abort = new AbortController();
      const ended = this.#work(handler, job, abort.signal).finally(() => {
        this.#working.delete(job.id);
        this.wake();
      });
      this.#working.set(job.id, { job, abort, ended });
    }
  }

  #roomOf({ kind, concurrency }: JobHandler): number {
    let busy = 0;
    for (const { job } of this.#working.values()) if (job.kind === kind) busy++;
    return Math.max(0, concurrency - busy);
  }

  async #work(handler: JobHandler, job: TakenJob, signal: AbortSignal): Promise<void> {
    const { store, clock, log } = this.#deps;
    const outcome = await this.#outcomeOf(handler, job, signal);
    try {
      if (outcome.kind === 'done') await store.done(job.id, this.#leaseId);
      else
        await store.again(job.id, this.#leaseId, { runAt: new Date(clock.now() + outcome.inMs), error: outcome.reason?.slice(0, MAX_REASON_LENGTH) ?? null, data: outcome.data });
    } catch (error) {
      // Its lease runs out and it is done once more: handlers expect that.
      log.warn({ err: error, job: job.id, kind: job.kind }, 'the end of a job was not stored');
    }
  }

  async #outcomeOf(handler: JobHandler, job: TakenJob, signal: AbortSignal): Promise<JobOutcome> {
    try {
      return await handler.run({ data: job.data, attempts: job.attempts, signal });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (signal.aborted) return { kind: 'again', inMs: 0, reason };
      const inMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(20, job.attempts - 1));
      this.#deps.log.error({ err: error, job: job.id, kind: job.kind, attempts: job.attempts, inMs }, 'a job failed, trying again');
      return { kind: 'again', inMs, reason };
    }
  }

  async #renew(): Promise<void> {
    const { store, clock, log } = this.#deps;
    const ids = [...this.#working.keys()];
    try {
      const kept = await store.renew(ids, { id: this.#leaseId, until: new Date(clock.now() + LEASE_MS) });
      for (const id of ids) {
        if (!kept.has(id)) this.#working.get(id)?.abort.abort(new Error('another server has taken the job'));
      }
    } catch (error) {
      log.warn({ err: error }, 'leases of jobs cannot be renewed');
    }
  }
}
