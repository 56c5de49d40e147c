/** For tests: what a transport-wide feedback message tells, as a sender reads it. */
import { u16, u24, u32 } from '../../big-endian.ts';

export interface ToldArrivals {
  readonly sender: number;
  readonly media: number;
  readonly count: number;
  /** Number and arrival in microseconds, undefined for what did not come. */
  readonly packets: readonly (readonly [sequence: number, atMicros: number | undefined])[];
}

export function readTransportFeedback(bytes: Uint8Array): ToldArrivals {
  if (bytes[1] !== 205 || ((bytes[0] ?? 0) & 0x1f) !== 15 || (u16(bytes, 2) + 1) * 4 !== bytes.length) throw new Error('not one such message');
  const first = u16(bytes, 12);
  const total = u16(bytes, 14);
  const statuses: number[] = [];
  let at = 20;
  while (statuses.length < total) {
    const chunk = u16(bytes, at);
    at += 2;
    if (chunk < 0x8000) for (let i = 0; i < (chunk & 0x1fff); i++) statuses.push((chunk >> 13) & 3);
    else if (chunk >= 0xc000) for (let i = 0; i < 7; i++) statuses.push((chunk >> (12 - 2 * i)) & 3);
    else for (let i = 0; i < 14; i++) statuses.push((chunk >> (13 - i)) & 1);
  }
  let ticks = u24(bytes, 16) * 256;
  const packets = statuses.slice(0, total).map((status, i): [number, number | undefined] => {
    const sequence = (first + i) & 0xffff;
    if (status === 0) return [sequence, undefined];
    ticks += status === 1 ? (bytes[at] ?? 0) : (u16(bytes, at) << 16) >> 16;
    at += status;
    return [sequence, ticks * 250];
  });
  const padding = (bytes[0] ?? 0) & 0x20 ? (bytes.at(-1) ?? 0) : 0;
  if (at + padding !== bytes.length) throw new Error(`${bytes.length - at - padding} bytes are left`);
  return { sender: u32(bytes, 4), media: u32(bytes, 8), count: bytes[19] ?? 0, packets };
}
