/** Arithmetic of 16-bit sequence numbers. Following them across wraps is `Unwrapper` of time.ts. */
import { Unwrapper } from '../time.ts';

/** How far `to` lies behind `from` on the shorter way round: -32768 to 32767, positive when `to` is newer. */
export function sequenceDistance(from: number, to: number): number {
  return ((to - from) << 16) >> 16;
}

/** The sequence number `steps` further on. */
export function sequenceAfter(sequence: number, steps = 1): number {
  return (sequence + steps) & 0xffff;
}

/** Follows RTP sequence numbers. */
export function sequenceUnwrapper(): Unwrapper {
  return new Unwrapper(16);
}

/** Follows RTP timestamps. */
export function timestampUnwrapper(): Unwrapper {
  return new Unwrapper(32);
}
