/** What is fetched from where, and what has become of it. */
import type { SourceProblem } from '@millrace/contract/entities/source';

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
  /** The code of what went wrong last; null once media comes again, and when nothing is wrong. */
  readonly problem: SourceProblem | null;
  /** The same in a sentence. */
  readonly error: string | null;
  /** When it is tried again, milliseconds since the Unix epoch. */
  readonly retryAt: number | null;
}

export const IDLE: PullStatus = { state: 'idle', problem: null, error: null, retryAt: null };
