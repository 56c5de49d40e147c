/** The calls of viewers: by code, and what is live. */
import { DEFAULT_PLAYBACK_TOKEN_SECONDS } from '@millrace/contract/limits';
import type { getCode, listLive } from '@millrace/contract/rest/viewing';
import { AppError } from '../../lib/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import { TryLimiter } from '../../lib/try-limiter.ts';
import { playbackOf } from '../../streams/addresses.ts';
import type { PlaybackTokens } from '../../streams/playback-tokens.ts';
import type { Streams } from '../../streams/streams.ts';
import { viewPublicStream } from '../../streams/views.ts';
import type { Handler } from '../mount.ts';

export interface ViewingHandlerDeps {
  readonly streams: Streams;
  readonly tokens: PlaybackTokens;
  readonly clock: Clock;
}

export interface ViewingHandlers {
  readonly getCode: Handler<typeof getCode>;
  readonly listLive: Handler<typeof listLive>;
}

/**
 * Codes that name nothing, by address: a person mistypes a few times, a script that searches is slowed to ten in two
 * minutes. Codes that exist cost nothing, but a blocked address learns of none.
 */
const MISSES = { tries: 10, windowMs: 60_000, blockMs: 60_000 } as const;

export function viewingHandlers({ streams, tokens, clock }: ViewingHandlerDeps): ViewingHandlers {
  const misses = new TryLimiter(MISSES, clock);

  function assertMayAsk(remoteAddress: string): void {
    const waitMs = misses.waitMs(remoteAddress);
    if (waitMs > 0) throw new AppError('too_many_requests', { retryAfterSeconds: Math.ceil(waitMs / 1000) });
  }

  return {
    async getCode({ params, query, user, origin, remoteAddress }) {
      assertMayAsk(remoteAddress);
      const now = await streams.byCode(params.code);
      // Of guesses that come all at once, the first misses are known only now.
      assertMayAsk(remoteAddress);
      const isOwner = now !== undefined && now.stream.ownerId === user?.id;
      const isPrivate = now?.stream.visibility === 'private';
      const token = now && query.token !== undefined && tokens.isValid(query.token, now.stream.id, clock.now()) ? query.token : undefined;
      if (!now || (isPrivate && !isOwner && token === undefined)) {
        misses.count(remoteAddress);
        throw new AppError('code_not_found');
      }
      // A viewer's own token goes on as it is: it may not outlive what the owner gave.
      const carried = isPrivate ? (token ?? tokens.mint(now.stream.id, new Date(clock.now() + DEFAULT_PLAYBACK_TOKEN_SECONDS * 1000))) : undefined;
      return viewPublicStream(now, playbackOf(origin, now.stream, carried), isOwner);
    },
    async listLive({ query, origin }) {
      const { items, nextCursor } = await streams.live(query);
      return { items: items.map((now) => viewPublicStream(now, playbackOf(origin, now.stream), false)), nextCursor };
    },
  };
}
