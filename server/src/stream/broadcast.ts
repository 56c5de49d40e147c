/** The state of one live run, as a value: what is stored, told to viewers and restored after a restart. */
import type { EndReason } from '@millrace/contract/entities/broadcast';

interface BroadcastBase {
  readonly streamId: string;
  readonly broadcastId: string;
  /** Names everything the outputs make of this run of the playlists; never used again. */
  readonly epoch: string;
  /** Milliseconds since the Unix epoch: when media first arrived, the zero of the broadcast's timeline. */
  readonly createdAt: number;
}

export type Broadcast = BroadcastBase &
  (
    | { readonly state: 'preview'; readonly startedAt: null }
    | { readonly state: 'live'; readonly startedAt: number }
    | { readonly state: 'reconnecting'; readonly startedAt: number | null; readonly reconnectUntil: number }
    | { readonly state: 'ended'; readonly startedAt: number | null; readonly endedAt: number; readonly endReason: EndReason }
  );

/** A returning publisher finds the broadcast as it was: in preview when viewers had not been let in yet. */
export function resumed(broadcast: Broadcast): Broadcast {
  const { streamId, broadcastId, epoch, createdAt, startedAt } = broadcast;
  return startedAt === null ? { streamId, broadcastId, epoch, createdAt, state: 'preview', startedAt } : { streamId, broadcastId, epoch, createdAt, state: 'live', startedAt };
}

export function started(broadcast: Broadcast, epoch: string, now: number): Broadcast {
  const { streamId, broadcastId, createdAt } = broadcast;
  return { streamId, broadcastId, epoch, createdAt, state: 'live', startedAt: now };
}

export function reconnecting(broadcast: Broadcast, reconnectUntil: number): Broadcast {
  const { streamId, broadcastId, epoch, createdAt, startedAt } = broadcast;
  return { streamId, broadcastId, epoch, createdAt, state: 'reconnecting', startedAt, reconnectUntil };
}

export function ended(broadcast: Broadcast, endReason: EndReason, now: number): Broadcast {
  const { streamId, broadcastId, epoch, createdAt, startedAt } = broadcast;
  return { streamId, broadcastId, epoch, createdAt, state: 'ended', startedAt, endedAt: now, endReason };
}
