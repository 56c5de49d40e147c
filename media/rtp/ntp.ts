/** The wall clock of RTCP: 32 bits of seconds since 1900 and 32 bits of fraction. Source: RFC 3550 §4. */
import { putU32, u16, u32 } from '../big-endian.ts';

/** Seconds from 1900 to 1970. */
const UNIX_EPOCH_SECONDS = 2_208_988_800;
const MICROS = 1_000_000;
const FRACTION = 0x1_0000_0000;

/** Microseconds since 1900 of a wall clock in milliseconds since 1970. */
export function ntpMicrosOf(unixMs: number): number {
  return Math.round(unixMs * 1000) + UNIX_EPOCH_SECONDS * MICROS;
}

/** Reads 64 bits as microseconds since 1900. */
export function readNtp(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) * MICROS + Math.round((u32(bytes, at + 4) * MICROS) / FRACTION);
}

/** Writes microseconds since 1900 as 64 bits. */
export function putNtp(bytes: Uint8Array, at: number, ntpMicros: number): void {
  const seconds = Math.floor(ntpMicros / MICROS);
  putU32(bytes, at, seconds % FRACTION);
  putU32(bytes, at + 4, Math.floor(((ntpMicros - seconds * MICROS) * FRACTION) / MICROS));
}

/** The middle 32 bits, by which a report names the sender report it answers: units of 1/65536 s. */
export function middleNtp(ntpMicros: number): number {
  const bytes = new Uint8Array(8);
  putNtp(bytes, 0, ntpMicros);
  return u16(bytes, 2) * 0x1_0000 + u16(bytes, 4);
}

/**
 * Round trip from a reception block: the time now, less when the report was sent and how long the peer held it. Undefined when
 * the block answers no report or the clock went back.
 * @param nowNtpMicros on the clock that wrote the sender reports.
 */
export function roundTripMs(block: { readonly lastReport: number; readonly delaySinceLastReport: number }, nowNtpMicros: number): number | undefined {
  if (block.lastReport === 0) return undefined;
  const units = (middleNtp(nowNtpMicros) - block.lastReport - block.delaySinceLastReport) | 0;
  return units < 0 ? undefined : (units * 1000) / 0x1_0000;
}
