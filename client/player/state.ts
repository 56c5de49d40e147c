/** What a viewer's player is doing, decided from facts alone: the broadcast's, the media element's and the policy's. */
import type { BroadcastState } from '@millrace/contract/entities/broadcast';

/**
 * waiting: nothing to see yet · starting: media is on its way · playing · paused: by the viewer · stalled: data ran out, more is coming ·
 * reconnecting: the publisher dropped · ended · blocked: the browser wants a tap before it plays · unplayable.
 */
export const PLAYER_STATES = ['waiting', 'starting', 'playing', 'paused', 'stalled', 'reconnecting', 'ended', 'blocked', 'unplayable'] as const;
export type PlayerState = (typeof PLAYER_STATES)[number];

/** codec: no decoder here · denied: the stream is private and the token is missing or stale · unsupported: no way to play live video here. */
export type UnplayableReason = 'codec' | 'denied' | 'unsupported';

export interface PlayerFacts {
  readonly broadcast: BroadcastState;
  /** The owner sees a preview, viewers wait. */
  readonly mayPreview: boolean;
  /** A source was given to the element for this run of the playlists. */
  readonly attached: boolean;
  /** The element showed a frame of this run. */
  readonly hasPlayed: boolean;
  /** The element says it is paused. */
  readonly paused: boolean;
  /** The element's clock moves. */
  readonly flowing: boolean;
  /** The element reached the end of what there will ever be. */
  readonly finished: boolean;
  /** play() was refused even without sound. */
  readonly blocked: boolean;
  readonly unplayable: UnplayableReason | undefined;
}

export const INITIAL_FACTS: PlayerFacts = {
  broadcast: 'idle',
  mayPreview: false,
  attached: false,
  hasPlayed: false,
  paused: true,
  flowing: false,
  finished: false,
  blocked: false,
  unplayable: undefined,
};

export function playerState(facts: PlayerFacts): PlayerState {
  switch (facts.broadcast) {
    case 'idle':
      return 'waiting';
    case 'preview':
      return facts.mayPreview ? mediaState(facts) : 'waiting';
    case 'ended':
      // What is still buffered is shown to the end.
      return facts.attached && facts.flowing && !facts.finished ? 'playing' : 'ended';
    case 'reconnecting':
      if (facts.unplayable) return 'unplayable';
      if (facts.flowing) return 'playing';
      return facts.hasPlayed && facts.paused ? 'paused' : 'reconnecting';
    case 'live':
      return mediaState(facts);
  }
}

/** True when the playlists are worth asking for. */
export function hasMedia(facts: Pick<PlayerFacts, 'broadcast' | 'mayPreview'>): boolean {
  return facts.broadcast === 'live' || facts.broadcast === 'reconnecting' || (facts.broadcast === 'preview' && facts.mayPreview);
}

function mediaState(facts: PlayerFacts): PlayerState {
  if (facts.unplayable) return 'unplayable';
  if (facts.blocked) return 'blocked';
  if (facts.flowing) return 'playing';
  if (!facts.hasPlayed) return 'starting';
  return facts.paused ? 'paused' : 'stalled';
}
