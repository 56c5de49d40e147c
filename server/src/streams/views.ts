/** What the API shows of a stream: to its owner and to everybody who may watch. */
import type { Broadcast as BroadcastView } from '@millrace/contract/entities/broadcast';
import type { Playback, PublicStream, Stream } from '@millrace/contract/entities/stream';
import type { BroadcastRow } from '../store/broadcasts.ts';
import type { Broadcast } from '../stream/broadcast.ts';
import type { KnownStream } from './directory.ts';

/** A stream's broadcast now: the media path's, which is the newest, else the stored one. */
export interface StreamNow {
  readonly stream: KnownStream;
  readonly running: Broadcast | undefined;
  readonly stored: BroadcastRow | null;
  readonly viewers: number;
  readonly hasPoster: boolean;
}

export function viewStream({ stream, running, stored, viewers }: StreamNow): Stream {
  return {
    id: stream.id,
    code: stream.code,
    title: stream.title,
    description: stream.description,
    visibility: stream.visibility,
    start: stream.start,
    secondPublisher: stream.secondPublisher,
    record: stream.record,
    rewindSeconds: stream.rewindSeconds,
    ladder: stream.ladder,
    status: running?.state ?? stored?.state ?? 'idle',
    broadcast: viewBroadcast(running, stored),
    viewers,
    createdAt: stream.createdAt.toISOString(),
    updatedAt: stream.updatedAt.toISOString(),
  };
}

/** A preview is nobody's business but the owner's: others see a stream that has not begun. */
export function viewPublicStream(now: StreamNow, playback: Playback, isOwner: boolean): PublicStream {
  const { stream } = now;
  const { status, broadcast, viewers } = viewStream(now);
  const hidden = !isOwner && status !== 'idle' && broadcast?.startedAt === null;
  return {
    id: stream.id,
    code: stream.code,
    title: stream.title,
    description: stream.description,
    visibility: stream.visibility,
    status: hidden ? 'idle' : status,
    startedAt: hidden ? null : (broadcast?.startedAt ?? null),
    endedAt: hidden ? null : (broadcast?.endedAt ?? null),
    viewers,
    rewindSeconds: stream.rewindSeconds,
    hasPoster: !hidden && now.hasPoster,
    elsewhere: !hidden && isElsewhere(now),
    playback,
  };
}

/** Another server on this database has its publisher. */
export function isElsewhere({ running, stored }: StreamNow): boolean {
  return !running && stored !== null && stored.state !== 'ended';
}

function viewBroadcast(running: Broadcast | undefined, stored: BroadcastRow | null): BroadcastView | null {
  if (running) {
    const ended = running.state === 'ended' ? running : undefined;
    return {
      id: running.broadcastId,
      createdAt: instant(running.createdAt),
      startedAt: running.startedAt === null ? null : instant(running.startedAt),
      endedAt: ended ? instant(ended.endedAt) : null,
      endReason: ended?.endReason ?? null,
    };
  }
  if (!stored) return null;
  return {
    id: stored.id,
    createdAt: stored.createdAt.toISOString(),
    startedAt: stored.startedAt?.toISOString() ?? null,
    endedAt: stored.endedAt?.toISOString() ?? null,
    endReason: stored.endReason,
  };
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
