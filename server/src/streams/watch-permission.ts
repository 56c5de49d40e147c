/** Says who may hear of a stream on its socket: whoever may play it, and of a preview its owner alone. */
import type { User } from '@millrace/contract/entities/user';
import type { WatchDecision, WatchGate } from '../analytics/watch-gate.ts';
import type { BroadcastRow } from '../store/broadcasts.ts';
import type { StreamStore } from '../store/streams.ts';
import type { Broadcast } from '../stream/broadcast.ts';
import { isRefusal, type PlaybackCredentials, type PlaybackGate } from '../stream/playback-gate.ts';

export interface WatchPermissionDeps {
  readonly store: StreamStore;
  readonly playback: PlaybackGate;
  identify(credentials: PlaybackCredentials): User | undefined | Promise<User | undefined>;
}

export class WatchPermission implements WatchGate {
  readonly #deps: WatchPermissionDeps;

  constructor(deps: WatchPermissionDeps) {
    this.#deps = deps;
  }

  async admit(streamId: string, credentials: PlaybackCredentials): Promise<WatchDecision> {
    const [stream, user, decision] = await Promise.all([this.#deps.store.byId(streamId), this.#deps.identify(credentials), this.#deps.playback.check(streamId, credentials)]);
    if (!stream) return { allowed: false, reason: 'hidden' };
    const isOwner = user?.id === stream.ownerId;
    // A preview hides its media from viewers, not the stream: they wait for it to begin.
    const isWaiting = decision === 'hidden' && stream.visibility !== 'private';
    if (!isOwner && !isWaiting && isRefusal(decision)) return { allowed: false, reason: 'denied' };
    return { allowed: true, isOwner, userId: user?.id ?? null, lastBroadcast: stream.broadcast && endedOf(stream.broadcast) };
  }
}

/** What the database says of a broadcast that no longer runs here. */
function endedOf(row: BroadcastRow): Broadcast | null {
  if (row.endedAt === null) return null;
  return {
    streamId: row.streamId,
    broadcastId: row.id,
    epoch: row.epoch,
    createdAt: row.createdAt.getTime(),
    startedAt: row.startedAt?.getTime() ?? null,
    state: 'ended',
    endedAt: row.endedAt.getTime(),
    endReason: row.endReason ?? 'server_stopped',
  };
}
