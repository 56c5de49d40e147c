/** Signs deliveries by the scheme of Standard Webhooks (standardwebhooks.com, version 1), so that their libraries verify them. */
import { createHmac, randomBytes } from 'node:crypto';

const SECRET_PREFIX = 'whsec_';

/** The scheme takes 24 to 64. */
const SECRET_BYTES = 32;

export interface SignedHeaders {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
}

export function drawSecret(): string {
  return SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('base64');
}

/** @param nowMs the time of this attempt, not of the event: receivers refuse what is old. */
export function sign({ secret, eventId, body, nowMs }: { readonly secret: string; readonly eventId: string; readonly body: string; readonly nowMs: number }): SignedHeaders {
  const timestamp = String(Math.floor(nowMs / 1000));
  const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
  const signature = createHmac('sha256', key).update(`${eventId}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': eventId, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
