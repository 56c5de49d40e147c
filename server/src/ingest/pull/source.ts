/** What is fetched from where, and what has become of it. */

/** Where a stream is fetched from, with the secrets in the address. Never logged as a whole. */
export interface PullSource {
  readonly streamId: string;
  readonly url: string;
  readonly mode: 'always' | 'on-demand';
}

/** `idle`: nobody watches. `occupied`: a publisher with the key has the seat. `waiting`: it failed, is over or was ended, and is tried again. */
export type PullState = 'idle' | 'connecting' | 'running' | 'waiting' | 'occupied';

export interface PullStatus {
  readonly state: PullState;
  /** What went wrong last, a sentence; null once media comes again. */
  readonly error: string | null;
  /** When it is tried again, milliseconds since the Unix epoch. */
  readonly retryAt: number | null;
}

/** The source cannot be fetched. The message is a sentence for the owner. */
export class PullError extends Error {
  override readonly name = 'PullError';
}
