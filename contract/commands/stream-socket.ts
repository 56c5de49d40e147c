/** Commands a client sends on `/ws/streams/{id}`. */
import { z } from 'zod';
import { lineOfText } from '../text.ts';

export const DeviceKind = z.enum(['phone', 'tablet', 'desktop', 'tv', 'other']).meta({ id: 'DeviceKind' });
export type DeviceKind = z.infer<typeof DeviceKind>;

export const PlaybackProtocol = z.enum(['hls', 'll-hls', 'dash', 'whep']).meta({ id: 'PlaybackProtocol' });
export type PlaybackProtocol = z.infer<typeof PlaybackProtocol>;

/**
 * Counts this socket as a viewer from now on. `visitorId` joins the tabs of one person who has no session. The same again is a sign of life, anything
 * else another viewing; more than 10 of these a minute are refused with `too_many_requests`.
 */
export const Watch = z.strictObject({
  type: z.literal('WATCH'),
  visitorId: lineOfText({ min: 8, max: 64 }),
  protocol: PlaybackProtocol,
  device: DeviceKind,
});

/** "Still here", at least every VIEWER_HEARTBEAT_MS; `latencyMs` is how far behind live the viewer sees. */
export const Heartbeat = z.strictObject({
  type: z.literal('HEARTBEAT'),
  latencyMs: z.number().nonnegative().max(86_400_000).optional(),
  stalls: z.int().nonnegative().max(1_000_000).optional(),
});

/** Stops counting this socket as a viewer; it still hears events. */
export const Leave = z.strictObject({ type: z.literal('LEAVE') });

export const StreamSocketCommand = z.discriminatedUnion('type', [Watch, Heartbeat, Leave]).meta({ id: 'StreamSocketCommand' });
export type StreamSocketCommand = z.infer<typeof StreamSocketCommand>;
