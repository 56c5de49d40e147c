/** The question every output asks before it sends media; the product answers it. */

/** What a player brought, unparsed. */
export interface PlaybackCredentials {
  /** `?token=` */
  readonly token: string | undefined;
  readonly cookie: string | undefined;
  readonly authorization: string | undefined;
}

/** `hidden`: to this asker the stream does not exist, or is still in preview. `denied`: it is private and the token is missing or stale. */
export type PlaybackDecision = 'allowed' | 'hidden' | 'denied';

export interface PlaybackGate {
  /** Answers at once, without a promise, wherever it can: this stands in the path of every segment. */
  check(streamId: string, credentials: PlaybackCredentials): PlaybackDecision | Promise<PlaybackDecision>;
}
