/** Everything that people do with webhooks: make, list, change, try out, read the log, send again. The rules; SQL and HTTP are elsewhere. */

import type { User } from '@millrace/contract/entities/user';
import type { Delivery, Webhook, WebhookWithSecret } from '@millrace/contract/entities/webhook';
import type { SubscribableEvent, WebhookEvent } from '@millrace/contract/events/webhook';
import { MAX_WEBHOOKS_PER_USER } from '@millrace/contract/limits';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import { type Cursor, type Page, type PageQuery, pageOf, readCursor } from '../lib/page.ts';
import type { PublicAddresses } from '../lib/public-address.ts';
import type { Sealer } from '../lib/sealed.ts';
import { errorCodeOf } from '../lib/start-error.ts';
import { type TryLimit, TryLimiter } from '../lib/try-limiter.ts';
import type { JobStore } from '../store/jobs.ts';
import type { PageRequest } from '../store/streams.ts';
import type { StoredWebhook, WebhookStore } from '../store/webhooks.ts';
import { DELIVERY_JOB, type DeliveryJobData } from './delivery-job.ts';
import { sealPurposeOf } from './secret-purpose.ts';
import { drawSecret } from './signature.ts';
import { viewDelivery, viewWebhook } from './views.ts';

export interface WebhooksDeps {
  readonly store: WebhookStore;
  readonly jobs: JobStore;
  readonly sealer: Sealer;
  readonly addresses: PublicAddresses;
  readonly clock: Clock;
  newId(): string;
  mayPublish(user: Pick<User, 'kind'>): boolean;
  /** Deliveries were written: there is something to send. */
  wake(): void;
}

export interface NewWebhook {
  readonly url: string;
  readonly description: string;
  readonly events: readonly SubscribableEvent[];
}

export interface WebhookPatch {
  readonly url?: string | undefined;
  readonly description?: string | undefined;
  readonly events?: readonly SubscribableEvent[] | undefined;
  readonly enabled?: boolean | undefined;
}

/** What a person who tries things out does; each look-up of a name and each sending costs something. */
const WRITES_PER_USER: TryLimit = { tries: 30, windowMs: 60_000, blockMs: 60_000 };

/** A name that takes longer to look up is taken as it is: it is checked again when something is sent. */
const LOOK_UP_TIMEOUT_MS = 3_000;

export class Webhooks {
  readonly #deps: WebhooksDeps;
  readonly #writes: TryLimiter;

  constructor(deps: WebhooksDeps) {
    this.#deps = deps;
    this.#writes = new TryLimiter(WRITES_PER_USER, deps.clock);
  }

  /** The webhook and, this once, its secret. */
  async create(user: User, { url, description, events }: NewWebhook): Promise<WebhookWithSecret> {
    const { store, sealer, clock, newId } = this.#deps;
    // Whoever may not have broadcasts has nothing to be told of.
    if (!this.#deps.mayPublish(user)) throw new AppError('guests_not_allowed');
    this.#limit(user);
    await this.#assertPublic(url);
    const id = newId();
    const secret = drawSecret();
    const at = new Date(clock.now());
    const sealedSecret = sealer.seal(secret, sealPurposeOf(id));
    const webhook: StoredWebhook = { id, ownerId: user.id, url, description, events, sealedSecret, disabledBecause: null, failingSince: null, createdAt: at, updatedAt: at };
    if ((await store.insert(webhook, MAX_WEBHOOKS_PER_USER)) === 'limit_reached') {
      throw new AppError('webhook_limit_reached', { detail: `You may have ${MAX_WEBHOOKS_PER_USER} webhooks. Delete one that you no longer need.` });
    }
    return { webhook: viewWebhook(webhook), secret };
  }

  async list(user: User, query: PageQuery): Promise<Page<Webhook>> {
    const { items, nextCursor } = pageOf(await this.#deps.store.listOwned(user.id, requestOf(query)), query.limit, cursorOf);
    return { items: items.map(viewWebhook), nextCursor };
  }

  async get(user: User, id: string): Promise<Webhook> {
    return viewWebhook(await this.#owned(user, id));
  }

  async update(user: User, id: string, { enabled, ...change }: WebhookPatch): Promise<Webhook> {
    const { store, clock } = this.#deps;
    const webhook = await this.#owned(user, id);
    if (change.url !== undefined && change.url !== webhook.url) {
      this.#limit(user);
      await this.#assertPublic(change.url);
    }
    const disabledBecause = enabled === undefined ? undefined : enabled ? null : 'owner';
    await store.update(id, { ...change, disabledBecause }, new Date(clock.now()));
    return this.get(user, id);
  }

  async remove(user: User, id: string): Promise<void> {
    await this.#owned(user, id);
    await this.#deps.store.delete(id);
  }

  async rotateSecret(user: User, id: string): Promise<WebhookWithSecret> {
    const { store, sealer, clock } = this.#deps;
    await this.#owned(user, id);
    const secret = drawSecret();
    await store.update(id, { sealedSecret: sealer.seal(secret, sealPurposeOf(id)) }, new Date(clock.now()));
    return { webhook: await this.get(user, id), secret };
  }

  async test(user: User, id: string): Promise<Delivery> {
    const { clock, newId } = this.#deps;
    await this.#on(user, id);
    this.#limit(user);
    const event: WebhookEvent = { type: 'webhook.test', timestamp: new Date(clock.now()).toISOString(), data: { message: 'This webhook works.' } };
    const deliveryId = newId();
    await this.#deps.store.putDelivery({
      id: deliveryId,
      webhookId: id,
      eventId: `webhook.test:${newId()}`,
      type: event.type,
      body: JSON.stringify(event),
      at: new Date(clock.now()),
    });
    return this.#send(id, deliveryId);
  }

  async deliveries(user: User, id: string, query: PageQuery): Promise<Page<Delivery>> {
    await this.#owned(user, id);
    const { items, nextCursor } = pageOf(await this.#deps.store.listDeliveries(id, requestOf(query)), query.limit, cursorOf);
    return { items: items.map(viewDelivery), nextCursor };
  }

  /** At once, whether it was delivered, given up or waits for its next attempt. */
  async redeliver(user: User, id: string, deliveryId: string): Promise<Delivery> {
    await this.#on(user, id);
    this.#limit(user);
    return this.#send(id, deliveryId);
  }

  async #send(webhookId: string, deliveryId: string): Promise<Delivery> {
    const { store, jobs, clock, newId } = this.#deps;
    const delivery = await store.deliveryById(deliveryId);
    if (delivery?.webhookId !== webhookId) throw new AppError('delivery_not_found');
    const at = new Date(clock.now());
    await store.atomically(async (transaction) => {
      await store.requeueDelivery(deliveryId, at, transaction);
      await jobs.put({ id: newId(), kind: DELIVERY_JOB, uniqueKey: deliveryId, data: { deliveryId, tries: 0 } satisfies DeliveryJobData, runAt: at, at }, transaction);
    });
    this.#deps.wake();
    return viewDelivery({ ...delivery, state: 'waiting', nextAttemptAt: at });
  }

  /** A webhook of this user's; anybody else's answers as if it did not exist. */
  async #owned(user: User, id: string): Promise<StoredWebhook> {
    const webhook = await this.#deps.store.byId(id);
    if (webhook?.ownerId !== user.id) throw new AppError('webhook_not_found');
    return webhook;
  }

  async #on(user: User, id: string): Promise<void> {
    const { disabledBecause } = await this.#owned(user, id);
    if (disabledBecause !== null) throw new AppError('webhook_disabled');
  }

  #limit(user: User): void {
    const waitMs = this.#writes.waitMs(user.id);
    if (waitMs > 0) throw new AppError('too_many_requests', { retryAfterSeconds: Math.ceil(waitMs / 1000) });
    this.#writes.count(user.id);
  }

  /** A first word of warning: what a name leads to is checked each time something is sent. */
  async #assertPublic(url: string): Promise<void> {
    const timeout = new AbortController();
    const timer = this.#deps.clock.after(LOOK_UP_TIMEOUT_MS, () => timeout.abort());
    try {
      await this.#deps.addresses.resolvePublic(new URL(url).hostname, timeout.signal);
    } catch (error) {
      if (error instanceof AppError) throw error;
      // A name that is not known would never be reached; one that takes long may be.
      if (errorCodeOf(error) === 'ENOTFOUND') throw new AppError('invalid_request', { fields: [{ path: 'url', message: 'must name a host that is known' }] });
    } finally {
      timer.cancel();
    }
  }
}

function requestOf({ cursor, limit }: PageQuery): PageRequest {
  const after = cursor === undefined ? undefined : readCursor(cursor);
  return { after: after && { createdAt: new Date(after.rank), id: after.id }, limit: limit + 1 };
}

function cursorOf({ createdAt, id }: { readonly createdAt: Date; readonly id: string }): Cursor {
  return { rank: createdAt.getTime(), id };
}
