/** An address of a user's that is told of events, and what was sent to it. */
import { z } from 'zod';
import { SubscribableEvent } from '../events/webhook.ts';
import { Id, Instant } from '../ids.ts';
import { MAX_WEBHOOK_URL_LENGTH } from '../limits.ts';
import { lineOfText } from '../text.ts';

const URL_RULE = 'must be an address like https://example.org/hook, without a user name and without #';

/** Checked again at each connection: it must be on the open internet. */
const WebhookUrl = z
  .string()
  .trim()
  .max(MAX_WEBHOOK_URL_LENGTH)
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, username, password, hash } = new URL(text);
    return (protocol === 'https:' || protocol === 'http:') && username === '' && password === '' && hash === '';
  }, URL_RULE)
  .transform((text) => new URL(text).href);

export const WebhookSettings = z.strictObject({
  url: WebhookUrl,
  description: lineOfText({ max: 120 }),
  /** Each once. */
  events: z
    .array(SubscribableEvent)
    .min(1)
    .max(SubscribableEvent.options.length)
    .refine((events) => new Set(events).size === events.length, 'must name each event once'),
});

export const DisabledBecause = z
  .enum(['owner', 'failing', 'gone'])
  .meta({ id: 'DisabledBecause', description: 'owner: switched off. failing: nothing was taken for days. gone: it answered 410.' });
export type DisabledBecause = z.infer<typeof DisabledBecause>;

export const Webhook = z
  .strictObject({
    id: Id,
    url: z.string(),
    description: z.string(),
    events: z.array(SubscribableEvent),
    /** Null while it is on. */
    disabledBecause: DisabledBecause.nullable(),
    /** Since when no delivery was taken; null when the last one was. */
    failingSince: Instant.nullable(),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ id: 'Webhook' });
export type Webhook = z.infer<typeof Webhook>;

export const WebhookWithSecret = z
  .strictObject({
    webhook: Webhook,
    secret: z.string().meta({ description: 'Signs every delivery: `whsec_` and the key in base64. Shown once.' }),
  })
  .meta({ id: 'WebhookWithSecret' });
export type WebhookWithSecret = z.infer<typeof WebhookWithSecret>;

export const DeliveryState = z
  .enum(['waiting', 'delivered', 'failed'])
  .meta({ id: 'DeliveryState', description: 'waiting: to be sent, or to be sent again. failed: given up; it can be redelivered.' });
export type DeliveryState = z.infer<typeof DeliveryState>;

export const Delivery = z
  .strictObject({
    id: Id,
    /** The header `webhook-id`: the same for every attempt and redelivery of one event. */
    eventId: z.string(),
    type: z.string(),
    state: DeliveryState,
    attempts: z.int().nonnegative(),
    createdAt: Instant,
    nextAttemptAt: Instant.nullable(),
    lastAttempt: z
      .strictObject({
        at: Instant,
        durationMs: z.int().nonnegative(),
        status: z.int().nullable().meta({ description: 'Null when nothing was answered.' }),
        error: z.string().nullable().meta({ description: 'Why it does not count as taken, in a sentence.' }),
        response: z.string().nullable().meta({ description: 'The beginning of what was answered.' }),
      })
      .nullable(),
    body: z.string().meta({ description: 'What is sent, byte for byte: a WebhookEvent.' }),
  })
  .meta({ id: 'Delivery' });
export type Delivery = z.infer<typeof Delivery>;
