/** Forgets old deliveries, once a day. */
import type { JobHandler, JobOutcome } from '../jobs/runner.ts';
import type { Clock } from '../lib/clock.ts';
import type { JobStore } from '../store/jobs.ts';
import type { WebhookStore } from '../store/webhooks.ts';

const DAY_MS = 24 * 3600_000;

/** As the API says. */
const KEPT_MS = 30 * DAY_MS;

const PURGE_JOB = 'webhook-purge';

export interface PurgeJobDeps {
  readonly store: WebhookStore;
  readonly jobs: JobStore;
  readonly clock: Clock;
  newId(): string;
}

export class PurgeJob implements JobHandler {
  readonly kind = PURGE_JOB;
  readonly concurrency = 1;
  readonly #deps: PurgeJobDeps;

  constructor(deps: PurgeJobDeps) {
    this.#deps = deps;
  }

  /** One job for all servers, which never ends. */
  async schedule(): Promise<void> {
    const { jobs, clock, newId } = this.#deps;
    const at = new Date(clock.now());
    await jobs.put({ id: newId(), kind: PURGE_JOB, uniqueKey: '', data: {}, runAt: at, at });
  }

  async run(): Promise<JobOutcome> {
    const { store, clock } = this.#deps;
    await store.purgeDeliveries(new Date(clock.now() - KEPT_MS));
    return { kind: 'again', inMs: DAY_MS, reason: null };
  }
}
