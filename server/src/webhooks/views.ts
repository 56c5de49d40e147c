/** What the API shows of webhooks and deliveries to their owner. */
import type { Delivery, Webhook } from '@millrace/contract/entities/webhook';
import type { StoredDelivery, StoredWebhook } from '../store/webhooks.ts';

export function viewWebhook(webhook: StoredWebhook): Webhook {
  return {
    id: webhook.id,
    url: webhook.url,
    description: webhook.description,
    events: [...webhook.events],
    disabledBecause: webhook.disabledBecause,
    failingSince: webhook.failingSince?.toISOString() ?? null,
    createdAt: webhook.createdAt.toISOString(),
    updatedAt: webhook.updatedAt.toISOString(),
  };
}

export function viewDelivery(delivery: StoredDelivery): Delivery {
  const { lastAttempt } = delivery;
  return {
    id: delivery.id,
    eventId: delivery.eventId,
    type: delivery.type,
    state: delivery.state,
    attempts: delivery.attempts,
    createdAt: delivery.createdAt.toISOString(),
    nextAttemptAt: delivery.nextAttemptAt?.toISOString() ?? null,
    lastAttempt: lastAttempt && { ...lastAttempt, at: lastAttempt.at.toISOString() },
    body: delivery.body,
  };
}
