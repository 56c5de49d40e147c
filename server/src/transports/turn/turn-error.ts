/** An error response of TURN: the code the RFC gives it, and the reason under which it is counted. */
import type { StunAttribute } from '@millrace/media/stun/attribute';

/** Why something was refused; a label of the metrics. */
export const REFUSALS = [
  'malformed',
  'rate_limited',
  'unauthorized',
  'expired',
  'stale_nonce',
  'bad_request',
  'unsupported',
  'forbidden_peer',
  'mismatch',
  'wrong_credentials',
  'user_quota',
  'total_quota',
  'no_port',
  'connection',
] as const;
export type RefusalReason = (typeof REFUSALS)[number];

/** Codes of RFC 8489 §14.8 and RFC 8656 §19 with their phrases. Those that strangers get are empty: no amplification. */
const PHRASES = {
  400: '',
  401: '',
  403: 'Forbidden',
  420: '',
  437: 'Allocation Mismatch',
  438: '',
  440: 'Address Family not Supported',
  441: 'Wrong Credentials',
  442: 'Unsupported Transport Protocol',
  443: 'Peer Address Family Mismatch',
  486: 'Allocation Quota Reached',
  500: 'Server Error',
  508: 'Insufficient Capacity',
} as const;
export type TurnErrorCode = keyof typeof PHRASES;

export class TurnError extends Error {
  override readonly name = 'TurnError';
  readonly code: TurnErrorCode;
  readonly reason: RefusalReason;
  readonly attributes: readonly StunAttribute[];

  constructor(code: TurnErrorCode, reason: RefusalReason, attributes: readonly StunAttribute[] = []) {
    super(`${code} ${reason}`);
    this.code = code;
    this.reason = reason;
    this.attributes = attributes;
  }

  get phrase(): string {
    return PHRASES[this.code];
  }
}
