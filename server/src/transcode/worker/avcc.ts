/** The avcC and the samples of H.264 as x264 gives it out: Annex B, 4:2:0 in eight bits. Source: ISO/IEC 14496-15 §5.3.3.1. */

import { concat } from '@millrace/media/big-endian';
import { annexBUnits, type NalUnit, withFourByteLengths } from '@millrace/media/codecs/nal';

const SPS = 7;
const PPS = 8;
const HIGH = 100;

/** avcC from the encoder's global header, undefined when it lacks a parameter set. */
export function avcCOf(header: Uint8Array): Uint8Array | undefined {
  const sets = (annexBUnits(header) ?? []).map(({ begin, end }) => header.subarray(begin, end));
  const sps = sets.find((set) => typeOf(set[0]) === SPS);
  const pps = sets.find((set) => typeOf(set[0]) === PPS);
  if (!sps || !pps) return undefined;
  const tail = sps[1] === HIGH ? Uint8Array.of(0xfd, 0xf8, 0xf8, 0) : new Uint8Array(0);
  return concat(Uint8Array.of(1, ...sps.subarray(1, 4), 0xff, 0xe1), behindLength(sps), Uint8Array.of(1), behindLength(pps), tail);
}

/** The sample behind four-byte lengths, undefined when it holds no NAL units. */
export function sampleOf(packet: Uint8Array): Uint8Array | undefined {
  const units: NalUnit[] | undefined = annexBUnits(packet);
  return units && units.length > 0 ? withFourByteLengths(packet, units) : undefined;
}

function behindLength(set: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(set.length >> 8, set.length & 0xff), set);
}

function typeOf(header = 0): number {
  return header & 0x1f;
}
