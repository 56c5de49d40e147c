/** NAL units, the packets of H.264 and HEVC: walking samples, changing their framing, undoing emulation prevention. */
import { putU32 } from '../big-endian.ts';

export interface NalUnit {
  readonly begin: number;
  readonly end: number;
}

/** The NAL units of a length-prefixed sample, undefined when the lengths do not fill it exactly. */
export function nalUnits(sample: Uint8Array, lengthBytes: number): NalUnit[] | undefined {
  const units: NalUnit[] = [];
  let at = 0;
  while (at < sample.length) {
    let length = 0;
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + (sample[at + i] ?? 0);
    const begin = at + lengthBytes;
    at = begin + length;
    if (at > sample.length) return undefined;
    if (length > 0) units.push({ begin, end: at });
  }
  return units;
}

/** The NAL units between the start codes of an Annex B byte stream, undefined when it does not begin with one. */
export function annexBUnits(bytes: Uint8Array): NalUnit[] | undefined {
  let start = startCode(bytes, 0);
  if (start === -1 || bytes.subarray(0, start).some((byte) => byte !== 0)) return undefined;
  const units: NalUnit[] = [];
  while (start !== -1) {
    const begin = start + 3;
    const next = startCode(bytes, begin);
    let end = next === -1 ? bytes.length : next;
    while (end > begin && bytes[end - 1] === 0) end--;
    if (end > begin) units.push({ begin, end });
    start = next;
  }
  return units;
}

function startCode(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(1, from + 2); at !== -1; at = bytes.indexOf(1, at + 1)) {
    if (bytes[at - 1] === 0 && bytes[at - 2] === 0) return at - 2;
  }
  return -1;
}

/** The same NAL units behind lengths of four bytes. */
export function withFourByteLengths(bytes: Uint8Array, units: readonly NalUnit[]): Uint8Array {
  let length = 0;
  for (const unit of units) length += 4 + unit.end - unit.begin;
  const sample = new Uint8Array(length);
  let at = 0;
  for (const { begin, end } of units) {
    putU32(sample, at, end - begin);
    sample.set(bytes.subarray(begin, end), at + 4);
    at += 4 + end - begin;
  }
  return sample;
}

/** The payload of a NAL unit without its emulation prevention bytes (H.264 §7.4.1.1). */
export function unescaped(nal: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(nal.length);
  let length = 0;
  let zeros = 0;
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}
