/** The calls for webhooks. */
import type * as routes from '@millrace/contract/rest/webhooks';
import type { Webhooks } from '../../webhooks/webhooks.ts';
import type { Handler } from '../mount.ts';

export interface WebhookHandlers {
  readonly createWebhook: Handler<typeof routes.createWebhook>;
  readonly listWebhooks: Handler<typeof routes.listWebhooks>;
  readonly getWebhook: Handler<typeof routes.getWebhook>;
  readonly updateWebhook: Handler<typeof routes.updateWebhook>;
  readonly deleteWebhook: Handler<typeof routes.deleteWebhook>;
  readonly rotateWebhookSecret: Handler<typeof routes.rotateWebhookSecret>;
  readonly testWebhook: Handler<typeof routes.testWebhook>;
  readonly listDeliveries: Handler<typeof routes.listDeliveries>;
  readonly redeliver: Handler<typeof routes.redeliver>;
}

export function webhookHandlers(webhooks: Webhooks): WebhookHandlers {
  return {
    createWebhook: ({ user, body }) => webhooks.create(user, body),
    listWebhooks: ({ user, query }) => webhooks.list(user, query),
    getWebhook: ({ user, params }) => webhooks.get(user, params.id),
    updateWebhook: ({ user, params, body }) => webhooks.update(user, params.id, body),
    async deleteWebhook({ user, params }) {
      await webhooks.remove(user, params.id);
      return undefined;
    },
    rotateWebhookSecret: ({ user, params }) => webhooks.rotateSecret(user, params.id),
    testWebhook: ({ user, params }) => webhooks.test(user, params.id),
    listDeliveries: ({ user, params, query }) => webhooks.deliveries(user, params.id, query),
    redeliver: ({ user, params }) => webhooks.redeliver(user, params.id, params.deliveryId),
  };
}
