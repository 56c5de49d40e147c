/** The calls for webhooks: where a user's events are sent, and what became of each. */
import { z } from 'zod';
import { Delivery, Webhook, WebhookSettings, WebhookWithSecret } from '../entities/webhook.ts';
import { Id } from '../ids.ts';
import { PageQuery, pageOf } from './page.ts';
import { defineRoute } from './route.ts';

const WebhookParams = z.strictObject({ id: Id });

export const createWebhook = defineRoute({
  id: 'createWebhook',
  method: 'post',
  path: '/webhooks',
  summary: 'Have events of your streams sent to an address',
  auth: 'required',
  body: z.strictObject({ ...WebhookSettings.shape, description: WebhookSettings.shape.description.default('') }),
  success: { status: 201, body: WebhookWithSecret, description: 'The webhook and, this once, the secret that signs its deliveries.' },
  errors: [
    'invalid_request',
    'not_authenticated',
    'guests_not_allowed',
    'webhook_limit_reached',
    'body_too_large',
    'unsupported_media_type',
    'address_not_allowed',
    'too_many_requests',
  ],
});

export const listWebhooks = defineRoute({
  id: 'listWebhooks',
  method: 'get',
  path: '/webhooks',
  summary: 'Your webhooks, newest first',
  auth: 'required',
  query: PageQuery,
  success: { status: 200, body: pageOf(Webhook), description: 'A page of webhooks.' },
  errors: ['invalid_request', 'not_authenticated'],
});

export const getWebhook = defineRoute({
  id: 'getWebhook',
  method: 'get',
  path: '/webhooks/{id}',
  summary: 'One of your webhooks',
  auth: 'required',
  params: WebhookParams,
  success: { status: 200, body: Webhook, description: 'The webhook.' },
  errors: ['not_authenticated', 'webhook_not_found'],
});

export const updateWebhook = defineRoute({
  id: 'updateWebhook',
  method: 'patch',
  path: '/webhooks/{id}',
  summary: 'Change a webhook, switch it off or on again',
  auth: 'required',
  params: WebhookParams,
  body: z.strictObject({ ...WebhookSettings.partial().shape, enabled: z.boolean().optional() }),
  success: { status: 200, body: Webhook, description: 'The webhook as it is now.' },
  errors: ['invalid_request', 'not_authenticated', 'webhook_not_found', 'body_too_large', 'unsupported_media_type', 'address_not_allowed'],
});

export const deleteWebhook = defineRoute({
  id: 'deleteWebhook',
  method: 'delete',
  path: '/webhooks/{id}',
  summary: 'Delete a webhook and its log; what waits is not sent',
  auth: 'required',
  params: WebhookParams,
  success: { status: 204, description: 'It is gone.' },
  errors: ['not_authenticated', 'webhook_not_found'],
});

export const rotateWebhookSecret = defineRoute({
  id: 'rotateWebhookSecret',
  method: 'post',
  path: '/webhooks/{id}/secret',
  summary: 'Replace a webhook’s secret; deliveries are signed with the new one at once',
  auth: 'required',
  params: WebhookParams,
  success: { status: 200, body: WebhookWithSecret, description: 'The webhook with its new secret.' },
  errors: ['not_authenticated', 'webhook_not_found'],
});

export const testWebhook = defineRoute({
  id: 'testWebhook',
  method: 'post',
  path: '/webhooks/{id}/test',
  summary: 'Send a test event',
  auth: 'required',
  params: WebhookParams,
  success: { status: 201, body: Delivery, description: 'The delivery, waiting to be sent.' },
  errors: ['not_authenticated', 'webhook_not_found', 'webhook_disabled', 'too_many_requests'],
});

export const listDeliveries = defineRoute({
  id: 'listDeliveries',
  method: 'get',
  path: '/webhooks/{id}/deliveries',
  summary: 'What was sent to a webhook in the last 30 days, newest first',
  auth: 'required',
  params: WebhookParams,
  query: PageQuery,
  success: { status: 200, body: pageOf(Delivery), description: 'A page of deliveries.' },
  errors: ['invalid_request', 'not_authenticated', 'webhook_not_found'],
});

export const redeliver = defineRoute({
  id: 'redeliver',
  method: 'post',
  path: '/webhooks/{id}/deliveries/{deliveryId}/redeliver',
  summary: 'Send a delivery again, now',
  auth: 'required',
  params: z.strictObject({ id: Id, deliveryId: Id }),
  success: { status: 200, body: Delivery, description: 'The delivery, waiting to be sent.' },
  errors: ['not_authenticated', 'webhook_not_found', 'delivery_not_found', 'webhook_disabled', 'too_many_requests'],
});
