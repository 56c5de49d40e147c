/** Webhooks put together, for the composition root: the rules for the API, the port that events go through, and the jobs that send. */
import { nanoid } from 'nanoid';
import type { JobHandler } from '../jobs/runner.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { PublicAddresses } from '../lib/public-address.ts';
import type { Sealer } from '../lib/sealed.ts';
import { JobStore } from '../store/jobs.ts';
import type { Store } from '../store/open.ts';
import { StreamStore } from '../store/streams.ts';
import { WebhookStore } from '../store/webhooks.ts';
import { DeliveryJob } from './delivery-job.ts';
import { WebhookEvents } from './events.ts';
import { PurgeJob } from './purge-job.ts';
import { Sender } from './sender.ts';
import { Webhooks, type WebhooksDeps } from './webhooks.ts';

export interface WebhookServiceDeps {
  readonly db: Store['db'];
  readonly clock: Clock;
  readonly log: Log;
  readonly sealer: Sealer;
  readonly addresses: PublicAddresses;
  readonly mayPublish: WebhooksDeps['mayPublish'];
  /** Jobs were put. */
  wake(): void;
}

export interface WebhookService {
  readonly webhooks: Webhooks;
  readonly events: WebhookEvents;
  readonly jobs: readonly JobHandler[];
  /** Once the database is there. */
  start(): Promise<void>;
}

export function createWebhooks({ db, clock, log, sealer, addresses, mayPublish, wake }: WebhookServiceDeps): WebhookService {
  const store = new WebhookStore(db);
  const jobs = new JobStore(db);
  const shared = { store, jobs, clock, newId: () => nanoid(), wake };
  const purge = new PurgeJob(shared);
  return {
    webhooks: new Webhooks({ ...shared, sealer, addresses, mayPublish }),
    events: new WebhookEvents({ ...shared, streams: new StreamStore(db) }),
    jobs: [new DeliveryJob({ store, sealer, sender: new Sender({ clock, addresses }), clock, log, random: Math.random }), purge],
    start: () => purge.schedule(),
  };
}
