/** Turns what happens into deliveries: one for each webhook of the owner that is for the event, written together with what happened. */
import type { Broadcast } from '@millrace/contract/entities/broadcast';
import type { SubscribableEvent, WebhookEvent } from '@millrace/contract/events/webhook';
import type { Clock } from '../lib/clock.ts';
import type { BroadcastRow } from '../store/broadcasts.ts';
import type { JobStore } from '../store/jobs.ts';
import type { StreamStore } from '../store/streams.ts';
import type { Queryable, WebhookStore } from '../store/webhooks.ts';
import { DELIVERY_JOB, type DeliveryJobData } from './delivery-job.ts';

export interface WebhookEventsDeps {
  readonly store: WebhookStore;
  readonly streams: StreamStore;
  readonly jobs: JobStore;
  readonly clock: Clock;
  newId(): string;
  /** Deliveries were written: there is something to send. */
  wake(): void;
}

/** An event that webhooks may be for, not the test. */
export type EmittedEvent = Extract<WebhookEvent, { type: SubscribableEvent }>;

interface Occurrence {
  readonly ownerId: string;
  readonly eventId: string;
  readonly event: EmittedEvent;
  /** Webhooks that were made, changed or switched on after it are not told: each change of a broadcast comes by here again. */
  readonly happenedAt: Date;
}

export class WebhookEvents {
  readonly #deps: WebhookEventsDeps;

  constructor(deps: WebhookEventsDeps) {
    this.#deps = deps;
  }

  /**
   * Tells the webhooks of an owner, in the transaction of what happened: the event is as sure as that is. Called again for the same event it
   * does nothing, so callers that cannot know may repeat it.
   * @param eventId names the event for ever, like `recording.ready:<recording>`; receivers tell repetitions by it.
   */
  emit(transaction: Queryable, { ownerId, eventId, event }: Omit<Occurrence, 'happenedAt'>): Promise<void> {
    return this.#write(transaction, { ownerId, eventId, event, happenedAt: new Date(this.#deps.clock.now()) });
  }

  /** To be called in the transaction that stores a broadcast: the event is as sure as the broadcast is. */
  async broadcastStored(transaction: Queryable, row: BroadcastRow): Promise<void> {
    const { startedAt, endedAt } = row;
    // A preview is nobody's business but the owner's.
    if (startedAt === null) return;
    const stream = await this.#deps.streams.byId(row.streamId, transaction);
    if (!stream) return;
    const about = { id: stream.id, code: stream.code, title: stream.title, visibility: stream.visibility };
    const broadcast = broadcastOf(row);
    // A short broadcast may be stored for the first time when it has ended.
    await this.#write(transaction, {
      ownerId: stream.ownerId,
      eventId: `broadcast.started:${row.id}`,
      event: { type: 'broadcast.started', timestamp: startedAt.toISOString(), data: { stream: about, broadcast: { ...broadcast, endedAt: null, endReason: null } } },
      happenedAt: startedAt,
    });
    if (endedAt === null) return;
    await this.#write(transaction, {
      ownerId: stream.ownerId,
      eventId: `broadcast.ended:${row.id}`,
      event: { type: 'broadcast.ended', timestamp: endedAt.toISOString(), data: { stream: about, broadcast } },
      happenedAt: endedAt,
    });
  }

  /** To be called when that transaction is through. */
  stored(): void {
    this.#deps.wake();
  }

  async #write(transaction: Queryable, { ownerId, eventId, event, happenedAt }: Occurrence): Promise<void> {
    const { store, jobs, clock, newId } = this.#deps;
    const at = new Date(clock.now());
    const body = JSON.stringify(event);
    for (const webhookId of await store.subscribed(ownerId, event.type, happenedAt, transaction)) {
      const id = newId();
      if (!(await store.putDelivery({ id, webhookId, eventId, type: event.type, body, at }, transaction))) continue;
      await jobs.put({ id: newId(), kind: DELIVERY_JOB, uniqueKey: id, data: { deliveryId: id, tries: 0 } satisfies DeliveryJobData, runAt: at, at }, transaction);
    }
  }
}

function broadcastOf({ id, createdAt, startedAt, endedAt, endReason }: BroadcastRow): Broadcast {
  return { id, createdAt: createdAt.toISOString(), startedAt: startedAt?.toISOString() ?? null, endedAt: endedAt?.toISOString() ?? null, endReason };
}
