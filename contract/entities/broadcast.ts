/** One live run of a stream, from first media to end. */
import { z } from 'zod';
import { Id, Instant } from '../ids.ts';

/**
 * `idle → preview → live → reconnecting → live | ended`.
 * `preview`: media arrives but the owner chose manual start. `reconnecting`: the publisher dropped; viewers stay.
 */
export const BroadcastState = z.enum(['idle', 'preview', 'live', 'reconnecting', 'ended']).meta({ id: 'BroadcastState' });
export type BroadcastState = z.infer<typeof BroadcastState>;

/** Why a broadcast is over. */
export const EndReason = z.enum(['stopped', 'publisher_left', 'reconnect_timeout', 'stream_deleted', 'server_stopped']).meta({ id: 'EndReason' });
export type EndReason = z.infer<typeof EndReason>;

export const Broadcast = z
  .strictObject({
    id: Id,
    /** When media first arrived. */
    createdAt: Instant,
    /** When viewers could first see it; null while in preview. */
    startedAt: Instant.nullable(),
    endedAt: Instant.nullable(),
    endReason: EndReason.nullable(),
  })
  .meta({ id: 'Broadcast' });
export type Broadcast = z.infer<typeof Broadcast>;
