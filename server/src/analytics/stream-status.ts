/** What the stream socket says of a broadcast, to its owner and to everybody else. Pure. */
import type { StreamSocketEvent } from '@millrace/contract/events/stream-socket';
import type { Broadcast } from '../stream/broadcast.ts';

type StreamStatusChanged = Extract<StreamSocketEvent, { readonly type: 'STREAM_STATUS_CHANGED' }>;

export type Audience = 'owner' | 'viewer';

/** @param broadcast the running one, else the last one, else null. */
export function statusEvent(broadcast: Broadcast | null, audience: Audience, now: number): StreamStatusChanged {
  const at = new Date(now).toISOString();
  // What its owner has not started is nobody else's business.
  if (!broadcast || (audience === 'viewer' && broadcast.startedAt === null)) {
    return { type: 'STREAM_STATUS_CHANGED', status: 'idle', broadcastId: null, epoch: null, startedAt: null, endedAt: null, reconnectUntil: null, at };
  }
  return {
    type: 'STREAM_STATUS_CHANGED',
    status: broadcast.state,
    broadcastId: broadcast.broadcastId,
    epoch: broadcast.epoch,
    startedAt: instant(broadcast.startedAt),
    endedAt: broadcast.state === 'ended' ? instant(broadcast.endedAt) : null,
    reconnectUntil: broadcast.state === 'reconnecting' ? instant(broadcast.reconnectUntil) : null,
    at,
  };
}

function instant(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}
