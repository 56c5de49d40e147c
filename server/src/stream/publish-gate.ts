/** The question every ingest asks before it takes media; the product answers it. */

export interface PublishAttempt {
  /** The secret as the publisher sent it. Never logged. */
  readonly key: string;
  readonly protocol: string;
  readonly remoteAddress: string;
}

export type PublishDecision =
  | { readonly allowed: true; readonly streamId: string; readonly start: 'auto' | 'manual'; readonly secondPublisher: 'takeover' | 'refuse' }
  /** `message` is for the person at the encoder. */
  | { readonly allowed: false; readonly reason: 'wrong_key' | 'too_many_tries' | 'limit_reached' | 'not_allowed'; readonly message: string };

export interface PublishGate {
  /** False while an address is shut out after too many wrong keys: its connection is not worth a handshake. */
  mayConnect(remoteAddress: string): boolean;
  /** @param signal aborted when the session is over: until then one that is let in counts among the broadcasts of its owner. */
  authorise(attempt: PublishAttempt, signal: AbortSignal): Promise<PublishDecision>;
}
