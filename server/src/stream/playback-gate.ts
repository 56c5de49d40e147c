/** The question every output asks before it sends media; the product answers it. */

/** What a player brought, unparsed. */
export interface PlaybackCredentials {
  /** `?token=` */
  readonly token: string | undefined;
  readonly cookie: string | undefined;
  readonly authorization: string | undefined;
}

/**
 * `open`: to everybody, whatever they bring. `allowed`: to this asker. `hidden`: to this asker the stream does not exist, or is still in preview.
 * `denied`: it is private and the token is missing or stale.
 */
export type PlaybackDecision = 'open' | 'allowed' | PlaybackRefusal;

export type PlaybackRefusal = 'hidden' | 'denied';

export interface PlaybackGate {
  /** Answers at once, without a promise, wherever it can: this stands in the path of every segment. */
  check(streamId: string, credentials: PlaybackCredentials): PlaybackDecision | Promise<PlaybackDecision>;
}

export function isRefusal(decision: PlaybackDecision): decision is PlaybackRefusal {
  return decision === 'hidden' || decision === 'denied';
}
