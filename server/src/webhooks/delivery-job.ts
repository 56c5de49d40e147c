/** Sends what waits: one attempt a run, again for a day, and switches off webhooks that take nothing for days. */
import { z } from 'zod';
import type { JobHandler, JobOutcome, RunningJob } from '../jobs/runner.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { SealError, type Sealer } from '../lib/sealed.ts';
import type { Attempt, StoredDelivery, StoredWebhook, WebhookStore } from '../store/webhooks.ts';
import { sealPurposeOf } from './secret-purpose.ts';
import type { Sender } from './sender.ts';
import { sign } from './signature.ts';

export interface DeliveryJobDeps {
  readonly store: WebhookStore;
  readonly sealer: Sealer;
  readonly sender: Pick<Sender, 'send'>;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1: spreads the attempts of many deliveries that failed together. */
  random(): number;
}

export const DELIVERY_JOB = 'webhook-delivery';

export interface DeliveryJobData {
  readonly deliveryId: string;
  /** Attempts since it was put, or put again. */
  readonly tries: number;
}

const Data = z.object({ deliveryId: z.string(), tries: z.int().nonnegative() });

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** From one attempt to the next: about a day in all, so that a night's outage costs nothing. */
export const RETRY_DELAYS_MS = [5 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 8 * HOUR_MS, 8 * HOUR_MS] as const;

/** A webhook that has taken nothing for so long when a delivery is given up is switched off. */
export const DISABLE_AFTER_MS = 3 * 24 * HOUR_MS;

/** So many at once of this process; an attempt takes 10 s at most. */
const CONCURRENCY = 32;

/** And so many for one owner, whose slow addresses hold up nobody else: the others wait one to five times as long. */
const PER_OWNER = 4;
const WAIT_FOR_OWNER_MS = SECOND_MS;

/** At most a tenth is added to a delay. */
const JITTER = 0.1;

const GONE = 410;

export class DeliveryJob implements JobHandler {
  readonly kind = DELIVERY_JOB;
  readonly concurrency = CONCURRENCY;
  readonly #deps: DeliveryJobDeps;
  readonly #sendingByOwner = new Map<string, number>();

  constructor(deps: DeliveryJobDeps) {
    this.#deps = deps;
  }

  async run({ data, signal }: RunningJob): Promise<JobOutcome> {
    const { store } = this.#deps;
    const { deliveryId, tries } = Data.parse(data);
    const delivery = await store.deliveryById(deliveryId);
    // Deleted with its webhook, or sent by an earlier run whose end was not stored.
    if (delivery?.state !== 'waiting') return { kind: 'done' };
    const webhook = await store.byId(delivery.webhookId);
    if (!webhook) return { kind: 'done' };
    if (webhook.disabledBecause !== null) {
      await store.failDelivery(delivery.id, 'The webhook was switched off before this was sent.');
      return { kind: 'done' };
    }
    const sending = this.#sendingByOwner.get(webhook.ownerId) ?? 0;
    if (sending >= PER_OWNER) return { kind: 'again', inMs: Math.round(WAIT_FOR_OWNER_MS * (1 + 4 * this.#deps.random())), reason: null };
    this.#sendingByOwner.set(webhook.ownerId, sending + 1);
    try {
      return await this.#attempt(webhook, delivery, tries, signal);
    } finally {
      const left = (this.#sendingByOwner.get(webhook.ownerId) ?? 1) - 1;
      if (left > 0) this.#sendingByOwner.set(webhook.ownerId, left);
      else this.#sendingByOwner.delete(webhook.ownerId);
    }
  }

  async #attempt(webhook: StoredWebhook, delivery: StoredDelivery, tries: number, signal: AbortSignal): Promise<JobOutcome> {
    const { store, sealer, sender, clock, log } = this.#deps;
    let secret: string;
    try {
      secret = sealer.open(webhook.sealedSecret, sealPurposeOf(webhook.id));
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      await store.failDelivery(delivery.id, 'The server cannot read this webhook’s secret any more. Draw a new one, then send again.');
      log.error({ err: error, webhookId: webhook.id }, 'a webhook cannot be signed: DATA_DIR/secrets is not the one its secret was sealed with');
      return { kind: 'done' };
    }
    const headers = sign({ secret, eventId: delivery.eventId, body: delivery.body, nowMs: clock.now() });
    const attempt = await sender.send({ url: webhook.url, headers, body: delivery.body, signal });
    const context = { webhookId: webhook.id, deliveryId: delivery.id, type: delivery.type, host: new URL(webhook.url).host, status: attempt.status };
    if (attempt.error === null) {
      await store.recordAttempt(delivery, attempt, { state: 'delivered', nextAttemptAt: null });
      log.debug({ ...context, durationMs: attempt.durationMs }, 'webhook delivered');
      return { kind: 'done' };
    }
    const delayMs = attempt.status === GONE ? undefined : RETRY_DELAYS_MS[tries];
    if (delayMs === undefined) {
      await this.#giveUp(webhook, delivery, attempt);
      log.warn({ ...context, reason: attempt.error }, 'webhook given up');
      return { kind: 'done' };
    }
    const inMs = Math.round(delayMs * (1 + JITTER * this.#deps.random()));
    await store.recordAttempt(delivery, attempt, { state: 'waiting', nextAttemptAt: new Date(clock.now() + inMs) });
    log.debug({ ...context, reason: attempt.error, inMs }, 'webhook not taken, trying again');
    return { kind: 'again', inMs, reason: attempt.error, data: { deliveryId: delivery.id, tries: tries + 1 } satisfies DeliveryJobData };
  }

  async #giveUp(webhook: StoredWebhook, delivery: StoredDelivery, attempt: Attempt): Promise<void> {
    const { store, clock, log } = this.#deps;
    await store.recordAttempt(delivery, attempt, { state: 'failed', nextAttemptAt: null });
    const failingMs = webhook.failingSince === null ? 0 : clock.now() - webhook.failingSince.getTime();
    const because = attempt.status === GONE ? 'gone' : failingMs >= DISABLE_AFTER_MS ? 'failing' : undefined;
    if (!because) return;
    await store.disable(webhook.id, because, new Date(clock.now()));
    log.warn({ webhookId: webhook.id, because }, 'webhook switched off');
  }
}
