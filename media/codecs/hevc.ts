/** HEVC: the decoder configuration (hvcC), picture size and random access points. Sources: ISO/IEC 14496-15 §8.3.3, Annex E; ITU-T H.265 §7.3. */
import { concat, u16, u32 } from '../big-endian.ts';
import { BitReader } from '../bit-reader.ts';
import { ProtocolError } from '../protocol-error.ts';
import { type NalUnit, unescaped } from './nal.ts';
import { HevcNal } from './nal-types.ts';

export interface HevcConfig {
  /** hvcC whose samples carry four-byte lengths. */
  readonly config: Uint8Array;
  /** Bytes of the lengths in the samples as they arrive. */
  readonly lengthBytes: number;
  readonly codecString: string;
  readonly width: number;
  readonly height: number;
}

const HEADER_BYTES = 23;
const FIRST_NON_PICTURE = 32;

/** Reads the content of hvcC. Throws ProtocolError. */
export function readHvcC(hvcC: Uint8Array): HevcConfig {
  if (hvcC.length < HEADER_BYTES) throw new ProtocolError(`hvcC of ${hvcC.length} bytes is shorter than ${HEADER_BYTES}`);
  const sps = findSps(hvcC);
  if (!sps) throw new ProtocolError('hvcC lacks a sequence parameter set');
  const lengthBytes = ((hvcC[21] ?? 0) & 3) + 1;
  const { width, height } = readHevcSps(sps);
  return {
    config: lengthBytes === 4 ? hvcC.slice() : concat(hvcC.subarray(0, 21), Uint8Array.of((hvcC[21] ?? 0) | 3), hvcC.subarray(22)),
    lengthBytes,
    codecString: codecString(hvcC),
    width,
    height,
  };
}

export interface HevcSps {
  readonly width: number;
  readonly height: number;
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** sps_max_sub_layers_minus1 and sps_temporal_id_nesting_flag. */
  readonly subLayers: number;
  readonly isNested: boolean;
  /** The twelve bytes of general profile, tier and level, as hvcC repeats them. */
  readonly profileTierLevel: Uint8Array;
}

/** @param nal a sequence parameter set with its two header bytes. Throws ProtocolError. */
export function readHevcSps(nal: Uint8Array): HevcSps {
  const payload = unescaped(nal.subarray(2));
  const bits = new BitReader(payload);
  bits.skip(4);
  const subLayers = bits.bits(3);
  const isNested = bits.flag();
  skipProfileTierLevel(bits, subLayers);
  bits.unsignedGolomb();
  const chromaFormat = bits.unsignedGolomb();
  if (chromaFormat === 3) bits.skip(1);
  let width = bits.unsignedGolomb();
  let height = bits.unsignedGolomb();
  if (bits.flag()) {
    const cropX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
    const cropY = chromaFormat === 1 ? 2 : 1;
    width -= cropX * (bits.unsignedGolomb() + bits.unsignedGolomb());
    height -= cropY * (bits.unsignedGolomb() + bits.unsignedGolomb());
  }
  if (width <= 0 || height <= 0 || width > 16_384 || height > 16_384) throw new ProtocolError(`picture of ${width}×${height} is not between 1 and 16384 pixels`);
  const bitDepthLuma = 8 + bits.unsignedGolomb();
  const bitDepthChroma = 8 + bits.unsignedGolomb();
  return { width, height, chromaFormat, bitDepthLuma, bitDepthChroma, subLayers, isNested, profileTierLevel: payload.subarray(1, 13) };
}

/** Whether decoding can begin at a sample. Undefined when it holds no picture. */
export function isHevcRandomAccess(sample: Uint8Array, units: readonly NalUnit[]): boolean | undefined {
  for (const { begin } of units) {
    const type = ((sample[begin] ?? 0) >> 1) & 0x3f;
    if (type >= HevcNal.firstIrap && type <= HevcNal.lastIrap) return true;
    if (type < FIRST_NON_PICTURE) return false;
  }
  return undefined;
}

function skipProfileTierLevel(bits: BitReader, subLayers: number): void {
  bits.skip(96);
  if (subLayers === 0) return;
  const present: { readonly profile: boolean; readonly level: boolean }[] = [];
  for (let i = 0; i < subLayers; i++) present.push({ profile: bits.flag(), level: bits.flag() });
  bits.skip(2 * (8 - subLayers));
  for (const { profile, level } of present) bits.skip((profile ? 88 : 0) + (level ? 8 : 0));
}

function findSps(hvcC: Uint8Array): Uint8Array | undefined {
  return hvcCSets(hvcC).find((nal) => (((nal[0] ?? 0) >> 1) & 0x3f) === HevcNal.sps);
}

/** The NAL units within hvcC, in their order. Throws ProtocolError. */
export function hvcCSets(hvcC: Uint8Array): Uint8Array[] {
  const sets: Uint8Array[] = [];
  const arrays = hvcC[22] ?? 0;
  let at = HEADER_BYTES;
  for (let i = 0; i < arrays; i++) {
    const count = u16(hvcC, at + 1);
    at += 3;
    for (let j = 0; j < count; j++) {
      const length = u16(hvcC, at);
      at += 2;
      if (at + length > hvcC.length) throw new ProtocolError(`parameter set of ${length} bytes exceeds its hvcC of ${hvcC.length}`);
      if (length > 0) sets.push(hvcC.subarray(at, at + length));
      at += length;
    }
  }
  return sets;
}

/** ISO/IEC 14496-15 §E.3: profile, reversed compatibility flags, tier and level, constraint bytes without trailing zeros. */
function codecString(hvcC: Uint8Array): string {
  const general = hvcC[1] ?? 0;
  const space = ['', 'A', 'B', 'C'][general >> 6] ?? '';
  let flags = u32(hvcC, 2);
  let reversed = 0;
  for (let i = 0; i < 32; i++) {
    reversed = reversed * 2 + (flags % 2);
    flags = Math.floor(flags / 2);
  }
  const constraints = [...hvcC.subarray(6, 12)];
  while (constraints.at(-1) === 0) constraints.pop();
  const parts = [`hvc1.${space}${general & 0x1f}`, reversed.toString(16).toUpperCase(), `${general & 0x20 ? 'H' : 'L'}${hvcC[12]}`];
  return [...parts, ...constraints.map((byte) => byte.toString(16).toUpperCase())].join('.');
}
