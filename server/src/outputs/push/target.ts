/** What is forwarded where, and what has become of it. */

/** Where a broadcast is forwarded to, and the secrets that open it. Never logged as a whole. */
export interface PushTarget {
  readonly id: string;
  readonly protocol: 'rtmp' | 'rtmps' | 'srt';
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** RTMP's application; empty for SRT. */
  readonly app: string;
  /** RTMP's stream name, SRT's stream id; may be empty for SRT. */
  readonly key: string;
  /** SRT's; empty for none. */
  readonly passphrase: string;
}

/**
 * `idle`: no broadcast runs. `waiting`: it failed and is tried again. `refused`: the service said no, or cannot take this; tried again too,
 * but less often.
 */
export type PushState = 'idle' | 'connecting' | 'forwarding' | 'waiting' | 'refused';

export interface PushStatus {
  readonly state: PushState;
  /** What went wrong last, a sentence; null once media flows again. */
  readonly error: string | null;
  /** When it is tried again, milliseconds since the Unix epoch. */
  readonly retryAt: number | null;
  /** Since when media flows, milliseconds since the Unix epoch. */
  readonly forwardingSince: number | null;
  /** Of the running broadcast. */
  readonly bytesSent: number;
  /** Units that the target was too slow for. */
  readonly droppedUnits: number;
}

export const IDLE: PushStatus = { state: 'idle', error: null, retryAt: null, forwardingSince: null, bytesSent: 0, droppedUnits: 0 };

/** It was understood and turned down: trying again at once would only be a nuisance. The message is a sentence for the owner. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused';
}

/** It did not work this time. The message is a sentence for the owner. */
export class TargetFailed extends Error {
  override readonly name = 'TargetFailed';
}
