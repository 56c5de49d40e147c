/** Webhooks and what was sent to them, in the database. */
import type { DeliveryState, DisabledBecause } from '@millrace/contract/entities/webhook';
import type { SubscribableEvent, WebhookEventType } from '@millrace/contract/events/webhook';
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { Schema, WebhookDeliveriesTable, WebhooksTable } from './schema.ts';
import type { PageRequest } from './streams.ts';

export interface StoredWebhook {
  readonly id: string;
  readonly ownerId: string;
  readonly url: string;
  readonly description: string;
  readonly events: readonly SubscribableEvent[];
  readonly sealedSecret: string;
  readonly disabledBecause: DisabledBecause | null;
  readonly failingSince: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface WebhookChange {
  readonly url?: string | undefined;
  readonly description?: string | undefined;
  readonly events?: readonly SubscribableEvent[] | undefined;
  readonly sealedSecret?: string | undefined;
  /** Null switches it on. */
  readonly disabledBecause?: DisabledBecause | null | undefined;
}

export interface StoredDelivery {
  readonly id: string;
  readonly webhookId: string;
  readonly eventId: string;
  readonly type: WebhookEventType;
  readonly body: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly createdAt: Date;
  readonly nextAttemptAt: Date | null;
  readonly lastAttempt: Attempt | null;
}

/** What became of one try to send. */
export interface Attempt {
  readonly at: Date;
  readonly durationMs: number;
  readonly status: number | null;
  readonly error: string | null;
  readonly response: string | null;
}

export interface NewDelivery {
  readonly id: string;
  readonly webhookId: string;
  readonly eventId: string;
  readonly type: WebhookEventType;
  readonly body: string;
  readonly at: Date;
}

/** A database, or a transaction of it. */
export type Queryable = Kysely<Schema> | Transaction<Schema>;

export class WebhookStore {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** Runs `work` in one transaction. */
  atomically<Result>(work: (transaction: Transaction<Schema>) => Promise<Result>): Promise<Result> {
    return this.#db.transaction().execute(work);
  }

  async insert(webhook: StoredWebhook, maxOwned: number): Promise<'inserted' | 'limit_reached'> {
    return this.#db.transaction().execute(async (transaction) => {
      // The owner's row is the lock: two requests at once cannot both be the last that fits.
      await transaction.selectFrom('users').select('id').where('id', '=', webhook.ownerId).forUpdate().execute();
      const owned = await transaction.selectFrom('webhooks').select('id').where('owner_id', '=', webhook.ownerId).limit(maxOwned).execute();
      if (owned.length >= maxOwned) return 'limit_reached';
      await transaction
        .insertInto('webhooks')
        .values({
          id: webhook.id,
          owner_id: webhook.ownerId,
          url: webhook.url,
          description: webhook.description,
          events: JSON.stringify(webhook.events),
          sealed_secret: webhook.sealedSecret,
          disabled_because: webhook.disabledBecause,
          failing_since: webhook.failingSince,
          created_at: webhook.createdAt,
          updated_at: webhook.updatedAt,
        })
        .execute();
      return 'inserted';
    });
  }

  async byId(id: string): Promise<StoredWebhook | undefined> {
    const row = await this.#db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirst();
    return row && webhookOfRow(row);
  }

  /** Newest first. */
  async listOwned(ownerId: string, page: PageRequest): Promise<StoredWebhook[]> {
    let query = this.#db.selectFrom('webhooks').selectAll().where('owner_id', '=', ownerId);
    const { after } = page;
    if (after) query = query.where((eb) => eb.or([eb('created_at', '<', after.createdAt), eb.and([eb('created_at', '=', after.createdAt), eb('id', '<', after.id)])]));
    return (await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(page.limit).execute()).map(webhookOfRow);
  }

  /** Those of an owner that are on and are for this event, and have been as they are since `unchangedSince`. */
  async subscribed(ownerId: string, type: SubscribableEvent, unchangedSince: Date, db: Queryable = this.#db): Promise<string[]> {
    const rows = await db
      .selectFrom('webhooks')
      .select('id')
      .where('owner_id', '=', ownerId)
      .where('disabled_because', 'is', null)
      .where('updated_at', '<=', unchangedSince)
      .where(sql<boolean>`events @> ${JSON.stringify([type])}::jsonb`)
      .execute();
    return rows.map(({ id }) => id);
  }

  async update(id: string, change: WebhookChange, at: Date): Promise<void> {
    const { url, description, events, sealedSecret, disabledBecause } = change;
    await this.#db
      .updateTable('webhooks')
      .set({
        url,
        description,
        events: events === undefined ? undefined : JSON.stringify(events),
        sealed_secret: sealedSecret,
        disabled_because: disabledBecause,
        // A new address, or a new try: what failed before says nothing of it.
        ...(url !== undefined || disabledBecause === null ? { failing_since: null } : {}),
        updated_at: at,
      })
      .where('id', '=', id)
      .execute();
  }

  /** Switched off by the server; what its owner switched off meanwhile stays as it is. */
  async disable(id: string, because: Exclude<DisabledBecause, 'owner'>, at: Date): Promise<void> {
    await this.#db.updateTable('webhooks').set({ disabled_because: because, updated_at: at }).where('id', '=', id).where('disabled_because', 'is', null).execute();
  }

  async delete(id: string): Promise<void> {
    await this.#db.deleteFrom('webhooks').where('id', '=', id).execute();
  }

  /** False: this event is in the log of this webhook already. */
  async putDelivery(delivery: NewDelivery, db: Queryable = this.#db): Promise<boolean> {
    const inserted = await db
      .insertInto('webhook_deliveries')
      .values({
        id: delivery.id,
        webhook_id: delivery.webhookId,
        event_id: delivery.eventId,
        type: delivery.type,
        body: delivery.body,
        state: 'waiting',
        attempts: 0,
        created_at: delivery.at,
        last_attempt_at: null,
        next_attempt_at: delivery.at,
        status: null,
        error: null,
        response: null,
        duration_ms: null,
      })
      .onConflict((conflict) => conflict.columns(['webhook_id', 'event_id']).doNothing())
      .executeTakeFirst();
    return inserted.numInsertedOrUpdatedRows === 1n;
  }

  async deliveryById(id: string): Promise<StoredDelivery | undefined> {
    const row = await this.#db.selectFrom('webhook_deliveries').selectAll().where('id', '=', id).executeTakeFirst();
    return row && deliveryOfRow(row);
  }

  /** Newest first. */
  async listDeliveries(webhookId: string, page: PageRequest): Promise<StoredDelivery[]> {
    let query = this.#db.selectFrom('webhook_deliveries').selectAll().where('webhook_id', '=', webhookId);
    const { after } = page;
    if (after) query = query.where((eb) => eb.or([eb('created_at', '<', after.createdAt), eb.and([eb('created_at', '=', after.createdAt), eb('id', '<', after.id)])]));
    return (await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(page.limit).execute()).map(deliveryOfRow);
  }

  /** To be sent now, whatever became of it before. */
  async requeueDelivery(id: string, at: Date, db: Queryable): Promise<void> {
    await db.updateTable('webhook_deliveries').set({ state: 'waiting', next_attempt_at: at }).where('id', '=', id).execute();
  }

  /** Given up without another try, for a reason in a sentence. */
  async failDelivery(id: string, reason: string): Promise<void> {
    await this.#db.updateTable('webhook_deliveries').set({ state: 'failed', next_attempt_at: null, error: reason }).where('id', '=', id).execute();
  }

  /** Notes a try, and with it how the webhook is doing. */
  async recordAttempt(delivery: StoredDelivery, attempt: Attempt, outcome: { readonly state: DeliveryState; readonly nextAttemptAt: Date | null }): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await transaction
        .updateTable('webhook_deliveries')
        .set((eb) => ({
          state: outcome.state,
          next_attempt_at: outcome.nextAttemptAt,
          attempts: eb('attempts', '+', 1),
          last_attempt_at: attempt.at,
          status: attempt.status,
          error: attempt.error,
          response: attempt.response,
          duration_ms: attempt.durationMs,
        }))
        .where('id', '=', delivery.id)
        .execute();
      const failingSince = outcome.state === 'delivered' ? null : sql<Date>`coalesce(failing_since, ${attempt.at})`;
      await transaction.updateTable('webhooks').set({ failing_since: failingSince }).where('id', '=', delivery.webhookId).execute();
    });
  }

  /** Forgets what is older, but for what still waits. */
  async purgeDeliveries(before: Date): Promise<void> {
    await this.#db.deleteFrom('webhook_deliveries').where('created_at', '<', before).where('state', '<>', 'waiting').execute();
  }
}

function webhookOfRow(row: Selectable<WebhooksTable>): StoredWebhook {
  return {
    id: row.id,
    ownerId: row.owner_id,
    url: row.url,
    description: row.description,
    events: row.events,
    sealedSecret: row.sealed_secret,
    disabledBecause: row.disabled_because,
    failingSince: row.failing_since,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function deliveryOfRow(row: Selectable<WebhookDeliveriesTable>): StoredDelivery {
  return {
    id: row.id,
    webhookId: row.webhook_id,
    eventId: row.event_id,
    type: row.type,
    body: row.body,
    state: row.state,
    attempts: row.attempts,
    createdAt: row.created_at,
    nextAttemptAt: row.next_attempt_at,
    lastAttempt: row.last_attempt_at && {
      at: row.last_attempt_at,
      durationMs: row.duration_ms ?? 0,
      status: row.status,
      error: row.error,
      response: row.response,
    },
  };
}
