/** Between hvcC and parameter sets in band, which RTP carries. Source: ISO/IEC 14496-15 §8.3.3.1. */
import { concat, putU16 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';
import { withLength } from './h264-parameter-sets.ts';
import { readHevcSps } from './hevc.ts';
import { HevcNal } from './nal-types.ts';

export interface HevcParameterSets {
  /** Whole NAL units with their two header bytes. */
  readonly vps: readonly Uint8Array[];
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
}

const MAX_SETS = 255;

/** "All of this type are here". */
const ARRAY_COMPLETE = 0x80;

/** The hvcC, for samples of four-byte lengths. Throws ProtocolError. */
export function writeHvcC({ vps, sps, pps }: HevcParameterSets): Uint8Array {
  const [first] = sps;
  if (!first || pps.length === 0 || vps.length === 0) throw new ProtocolError(`${vps.length} video, ${sps.length} sequence and ${pps.length} picture parameter sets make no hvcC`);
  if (vps.length + sps.length + pps.length > MAX_SETS) throw new ProtocolError(`${vps.length + sps.length + pps.length} parameter sets exceed ${MAX_SETS}`);
  const { chromaFormat, bitDepthLuma, bitDepthChroma, subLayers, isNested, profileTierLevel } = readHevcSps(first);
  // Segmentation and parallelism unknown, frame rate unknown.
  const head = Uint8Array.of(0xf0, 0, 0xfc, 0xfc | chromaFormat, 0xf8 | (bitDepthLuma - 8), 0xf8 | (bitDepthChroma - 8), 0, 0);
  const tail = Uint8Array.of(((subLayers + 1) << 3) | (isNested ? 4 : 0) | 3, 3);
  return concat(Uint8Array.of(1), profileTierLevel, head, tail, array(HevcNal.vps, vps), array(HevcNal.sps, sps), array(HevcNal.pps, pps));
}

function array(type: number, sets: readonly Uint8Array[]): Uint8Array {
  const header = Uint8Array.of(ARRAY_COMPLETE | type, 0, 0);
  putU16(header, 1, sets.length);
  return concat(header, ...sets.map(withLength));
}
