/** The calls of a stream's owner. */
import type { MinuteMeasurement } from '@millrace/contract/entities/measurement';
import type { Playback } from '@millrace/contract/entities/stream';
import { DEFAULT_PLAYBACK_TOKEN_SECONDS } from '@millrace/contract/limits';
import type * as routes from '@millrace/contract/rest/streams';
import { AppError } from '../../lib/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import { TryLimiter } from '../../lib/try-limiter.ts';
import { ingestOf, type Origin, playbackOf } from '../../streams/addresses.ts';
import type { PlaybackTokens } from '../../streams/playback-tokens.ts';
import type { Streams } from '../../streams/streams.ts';
import { type StreamNow, viewStream } from '../../streams/views.ts';
import type { Handler } from '../mount.ts';

/** The measurements of a stream that were kept. */
export interface StreamHistory {
  /** Oldest first, at most the last 1 440 minutes; `since` is exclusive. */
  minutes(streamId: string, since: Date | undefined): Promise<MinuteMeasurement[]>;
}

export interface StreamHandlerDeps {
  readonly streams: Streams;
  readonly tokens: PlaybackTokens;
  readonly history: StreamHistory;
  readonly clock: Clock;
}

export interface StreamHandlers {
  readonly createStream: Handler<typeof routes.createStream>;
  readonly listStreams: Handler<typeof routes.listStreams>;
  readonly getStream: Handler<typeof routes.getStream>;
  readonly updateStream: Handler<typeof routes.updateStream>;
  readonly deleteStream: Handler<typeof routes.deleteStream>;
  readonly startStream: Handler<typeof routes.startStream>;
  readonly stopStream: Handler<typeof routes.stopStream>;
  readonly rotateStreamKey: Handler<typeof routes.rotateStreamKey>;
  readonly createPlaybackToken: Handler<typeof routes.createPlaybackToken>;
  readonly getStreamMetrics: Handler<typeof routes.getStreamMetrics>;
}

/** One a second for a minute is no person. */
const CREATIONS_PER_USER = { tries: 60, windowMs: 60_000, blockMs: 60_000 } as const;

export function streamHandlers({ streams, tokens, history, clock }: StreamHandlerDeps): StreamHandlers {
  const creations = new TryLimiter(CREATIONS_PER_USER, clock);

  function playback({ stream }: StreamNow, origin: Origin, expiresAt?: Date): Playback {
    if (stream.visibility !== 'private') return playbackOf(origin, stream);
    return playbackOf(origin, stream, tokens.mint(stream.id, expiresAt ?? new Date(clock.now() + DEFAULT_PLAYBACK_TOKEN_SECONDS * 1000)));
  }

  function withAddresses(now: StreamNow, origin: Origin) {
    return { stream: viewStream(now), ingest: ingestOf(origin, now.stream), playback: playback(now, origin) };
  }

  function withKey({ now, key }: { readonly now: StreamNow; readonly key: string }, origin: Origin) {
    return { stream: viewStream(now), ingest: ingestOf(origin, now.stream, key), playback: playback(now, origin), streamKey: key };
  }

  return {
    async createStream({ user, body, origin }) {
      const waitMs = creations.waitMs(user.id);
      if (waitMs > 0) throw new AppError('too_many_requests', { retryAfterSeconds: Math.ceil(waitMs / 1000) });
      creations.count(user.id);
      return withKey(await streams.create(user, body), origin);
    },
    listStreams: ({ user, query }) => streams.list(user, query),
    getStream: async ({ user, params, origin }) => withAddresses(await streams.owned(user, params.id), origin),
    updateStream: async ({ user, params, body, origin }) => withAddresses(await streams.update(user, params.id, body), origin),
    async deleteStream({ user, params }) {
      await streams.remove(user, params.id);
      return undefined;
    },
    startStream: async ({ user, params, origin }) => withAddresses(await streams.start(user, params.id), origin),
    stopStream: async ({ user, params, body, origin }) => withAddresses(await streams.stop(user, params.id, body), origin),
    rotateStreamKey: async ({ user, params, origin }) => withKey(await streams.rotateKey(user, params.id), origin),
    async createPlaybackToken({ user, params, body, origin }) {
      const { stream } = await streams.owned(user, params.id);
      // Whole seconds: that is what the token holds.
      const expiresAt = new Date((Math.floor(clock.now() / 1000) + body.expiresInSeconds) * 1000);
      const token = tokens.mint(stream.id, expiresAt);
      return { token, expiresAt: expiresAt.toISOString(), playback: playbackOf(origin, stream, token) };
    },
    async getStreamMetrics({ user, params, query }) {
      await streams.owned(user, params.id);
      return { items: await history.minutes(params.id, query.since === undefined ? undefined : new Date(query.since)) };
    },
  };
}
