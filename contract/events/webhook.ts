/** What a webhook is told: one JSON body an event, signed as the Standard Webhooks specification says. */
import { z } from 'zod';
import { Broadcast } from '../entities/broadcast.ts';
import { Visibility } from '../entities/stream.ts';
import { Code, Id, Instant } from '../ids.ts';

/** What everybody who has the stream's link may know of it. */
const StreamOfEvent = z.strictObject({ id: Id, code: Code, title: z.string(), visibility: Visibility }).meta({ id: 'StreamOfEvent' });

const RecordingOfEvent = z
  .strictObject({
    id: Id,
    streamId: Id,
    broadcastId: Id,
    title: z.string(),
    startedAt: Instant,
    durationSeconds: z.number().nonnegative(),
    sizeBytes: z.int().nonnegative(),
  })
  .meta({ id: 'RecordingOfEvent' });

/** When it happened; the header `webhook-timestamp` says when it was sent. */
const timestamp = Instant;

export const BroadcastStartedEvent = z
  .strictObject({ type: z.literal('broadcast.started'), timestamp, data: z.strictObject({ stream: StreamOfEvent, broadcast: Broadcast }) })
  .meta({ id: 'BroadcastStartedEvent', description: 'Viewers can see the broadcast. A publisher who comes back to it does not start it again.' });

export const BroadcastEndedEvent = z
  .strictObject({ type: z.literal('broadcast.ended'), timestamp, data: z.strictObject({ stream: StreamOfEvent, broadcast: Broadcast }) })
  .meta({ id: 'BroadcastEndedEvent', description: 'The broadcast is over; `data.broadcast.endReason` says why. A preview that nobody started does not end.' });

export const RecordingReadyEvent = z
  .strictObject({ type: z.literal('recording.ready'), timestamp, data: z.strictObject({ recording: RecordingOfEvent }) })
  .meta({ id: 'RecordingReadyEvent', description: 'The recording is in the library and plays.' });

export const RecordingUploadedEvent = z
  .strictObject({ type: z.literal('recording.uploaded'), timestamp, data: z.strictObject({ recording: RecordingOfEvent }) })
  .meta({ id: 'RecordingUploadedEvent', description: 'The whole recording is in object storage, and was verified there.' });

export const RecordingFailedEvent = z
  .strictObject({
    type: z.literal('recording.failed'),
    timestamp,
    data: z.strictObject({ recording: RecordingOfEvent, reason: z.string().meta({ description: 'A sentence for a person.' }) }),
  })
  .meta({ id: 'RecordingFailedEvent', description: 'Recording stopped before the broadcast did, or what was recorded cannot be used or uploaded.' });

export const WebhookTestEvent = z
  .strictObject({ type: z.literal('webhook.test'), timestamp, data: z.strictObject({ message: z.string() }) })
  .meta({ id: 'WebhookTestEvent', description: 'Its owner asked for it. Sent whatever events the webhook is for.' });

export const WebhookEvent = z.discriminatedUnion('type', [
  BroadcastStartedEvent,
  BroadcastEndedEvent,
  RecordingReadyEvent,
  RecordingUploadedEvent,
  RecordingFailedEvent,
  WebhookTestEvent,
]);
export type WebhookEvent = z.infer<typeof WebhookEvent>;
export type WebhookEventType = WebhookEvent['type'];

/** The events that a webhook may be for. */
export const SubscribableEvent = z.enum(['broadcast.started', 'broadcast.ended', 'recording.ready', 'recording.uploaded', 'recording.failed']).meta({ id: 'SubscribableEvent' });
export type SubscribableEvent = z.infer<typeof SubscribableEvent>;
