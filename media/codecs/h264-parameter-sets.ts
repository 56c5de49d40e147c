/** Between avcC and parameter sets in band, which RTP carries. Sources: ISO/IEC 14496-15 §5.3.3.1, ITU-T H.264 §7.3.2. */
import { concat, putU16, u16 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';
import { HIGH_PROFILES, readH264Sps } from './h264.ts';

export interface H264ParameterSets {
  /** Whole NAL units with their header byte. */
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
}

/** The counts of avcC have five and eight bits. */
const MAX_SPS = 31;
const MAX_PPS = 255;

/** Profiles that carry the tail below in their SPS and not in avcC. */
const WITHOUT_TAIL = new Set([44, 83, 86, 118, 128, 134, 135, 138, 139]);

/** The parameter sets within avcC. Throws ProtocolError. */
export function parameterSetsOfAvcC(avcC: Uint8Array): H264ParameterSets {
  const sps = readSets(avcC, 6, (avcC[5] ?? 0) & 0x1f);
  const pps = readSets(avcC, sps.end + 1, avcC[sps.end] ?? 0);
  return { sps: sps.sets, pps: pps.sets };
}

/** The avcC, for samples of four-byte lengths. Throws ProtocolError. */
export function writeAvcC({ sps, pps }: H264ParameterSets): Uint8Array {
  const [first] = sps;
  if (!first || first.length < 4 || pps.length === 0) throw new ProtocolError(`${sps.length} sequence and ${pps.length} picture parameter sets make no avcC`);
  if (sps.length > MAX_SPS || pps.length > MAX_PPS) throw new ProtocolError(`${sps.length} sequence and ${pps.length} picture parameter sets exceed avcC`);
  const { profile, chromaFormat, bitDepthLuma, bitDepthChroma } = readH264Sps(first);
  const hasTail = HIGH_PROFILES.has(profile) && !WITHOUT_TAIL.has(profile);
  const tail = hasTail ? Uint8Array.of(0xfc | chromaFormat, 0xf8 | (bitDepthLuma - 8), 0xf8 | (bitDepthChroma - 8), 0) : new Uint8Array(0);
  return concat(Uint8Array.of(1, ...first.subarray(1, 4), 0xff, 0xe0 | sps.length), ...sps.map(withLength), Uint8Array.of(pps.length), ...pps.map(withLength), tail);
}

function readSets(bytes: Uint8Array, start: number, count: number): { readonly sets: Uint8Array[]; readonly end: number } {
  const sets: Uint8Array[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const end = at + 2 + u16(bytes, at);
    if (end > bytes.length) throw new ProtocolError(`parameter set ends at ${end} of ${bytes.length} bytes`);
    if (end > at + 2) sets.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return { sets, end: at };
}

/** A parameter set behind its length of two bytes. Throws ProtocolError. */
export function withLength(set: Uint8Array): Uint8Array {
  if (set.length > 0xffff) throw new ProtocolError(`parameter set of ${set.length} bytes exceeds 65535`);
  const bytes = new Uint8Array(2 + set.length);
  putU16(bytes, 0, set.length);
  bytes.set(set, 2);
  return bytes;
}
