/** ChannelData (RFC 8656 §12.4): relayed bytes behind four bytes of header, the path that media takes. */
import { u16 } from '../big-endian.ts';

export const CHANNEL_HEADER_BYTES = 4;

/** RFC 8656 §12 ends at 0x4fff; clients of RFC 5766 go on from there. */
export const MIN_CHANNEL = 0x4000;
export const MAX_CHANNEL = 0x7ffe;

/** The first two bits tell ChannelData (01) from STUN (00) on one connection. */
export function isChannelData(bytes: Uint8Array): boolean {
  return (bytes[0] ?? 0) >> 6 === 1;
}

export interface ChannelFrame {
  readonly channel: number;
  /** Bytes behind the header. */
  readonly length: number;
}

/** What the header says; undefined when the bytes do not hold it. Padding behind the data is allowed. */
export function readChannelHeader(bytes: Uint8Array): ChannelFrame | undefined {
  if (bytes.length < CHANNEL_HEADER_BYTES || !isChannelData(bytes)) return undefined;
  const length = u16(bytes, 2);
  return CHANNEL_HEADER_BYTES + length <= bytes.length ? { channel: u16(bytes, 0), length } : undefined;
}
