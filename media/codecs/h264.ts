/** H.264: the decoder configuration (avcC), sequence parameter sets and random access points. Sources: ISO/IEC 14496-15 §5.3.3, ITU-T H.264 §7.3. */
import { concat, u16 } from '../big-endian.ts';
import { BitReader } from '../bit-reader.ts';
import { ProtocolError } from '../protocol-error.ts';
import { type NalUnit, unescaped } from './nal.ts';
import { H264Nal } from './nal-types.ts';

export interface H264Config {
  /** avcC whose samples carry four-byte lengths. */
  readonly config: Uint8Array;
  /** Bytes of the lengths in the samples as they arrive. */
  readonly lengthBytes: number;
  readonly codecString: string;
  readonly width: number;
  readonly height: number;
  /** True when no frame may be shown later than it is decoded: the encoder has no B-frames. */
  readonly reordersNothing: boolean;
}

export interface H264Sps {
  readonly profile: number;
  readonly level: number;
  readonly width: number;
  readonly height: number;
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Frames that may be held back for display, undefined when the stream does not say. */
  readonly maxReorderFrames: number | undefined;
}

const RECOVERY_POINT = 6;

/** Profiles whose SPS carries chroma format and scaling lists (§7.3.2.1.1). */
export const HIGH_PROFILES: ReadonlySet<number> = new Set([44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244]);
const BASELINE = 66;

/** Reads the content of avcC. Throws ProtocolError. */
export function readAvcC(avcC: Uint8Array): H264Config {
  if (avcC[0] !== 1 || avcC.length < 7) throw new ProtocolError(`avcC of ${avcC.length} bytes has version ${avcC[0]}, not 1`);
  const count = (avcC[5] ?? 0) & 0x1f;
  const length = u16(avcC, 6);
  const nal = avcC.subarray(8, 8 + length);
  if (count === 0 || length < 4 || nal.length < length || ((nal[0] ?? 0) & 0x1f) !== H264Nal.sps) throw new ProtocolError('avcC lacks a sequence parameter set');
  const sps = readH264Sps(nal);
  const lengthBytes = ((avcC[4] ?? 0) & 3) + 1;
  return {
    config: lengthBytes === 4 ? avcC.slice() : concat(avcC.subarray(0, 4), Uint8Array.of(0xff), avcC.subarray(5)),
    lengthBytes,
    codecString: `avc1.${hex(avcC[1])}${hex(avcC[2])}${hex(avcC[3])}`,
    width: sps.width,
    height: sps.height,
    reordersNothing: sps.profile === BASELINE || sps.maxReorderFrames === 0,
  };
}

/** @param nal the whole NAL unit with its header byte. Throws ProtocolError. */
export function readH264Sps(nal: Uint8Array): H264Sps {
  const bits = new BitReader(unescaped(nal.subarray(1)));
  const profile = bits.bits(8);
  bits.skip(8);
  const level = bits.bits(8);
  bits.unsignedGolomb();
  let chromaFormat = 1;
  let bitDepthLuma = 8;
  let bitDepthChroma = 8;
  if (HIGH_PROFILES.has(profile)) {
    chromaFormat = bits.unsignedGolomb();
    if (chromaFormat === 3) bits.skip(1);
    bitDepthLuma += bits.unsignedGolomb();
    bitDepthChroma += bits.unsignedGolomb();
    bits.skip(1);
    if (bits.flag()) skipScalingLists(bits, chromaFormat === 3 ? 12 : 8);
  }
  bits.unsignedGolomb();
  const pocType = bits.unsignedGolomb();
  if (pocType === 0) bits.unsignedGolomb();
  else if (pocType === 1) skipPocCycle(bits);
  bits.unsignedGolomb();
  bits.skip(1);
  const widthInBlocks = bits.unsignedGolomb() + 1;
  const heightInMaps = bits.unsignedGolomb() + 1;
  const framesOnly = bits.flag();
  if (!framesOnly) bits.skip(1);
  bits.skip(1);
  const crop = bits.flag() ? { left: bits.unsignedGolomb(), right: bits.unsignedGolomb(), top: bits.unsignedGolomb(), bottom: bits.unsignedGolomb() } : undefined;
  const cropX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
  const cropY = (chromaFormat === 1 ? 2 : 1) * (framesOnly ? 1 : 2);
  const width = widthInBlocks * 16 - cropX * ((crop?.left ?? 0) + (crop?.right ?? 0));
  const height = heightInMaps * 16 * (framesOnly ? 1 : 2) - cropY * ((crop?.top ?? 0) + (crop?.bottom ?? 0));
  if (width <= 0 || height <= 0 || width > 16_384 || height > 16_384) throw new ProtocolError(`picture of ${width}×${height} is not between 1 and 16384 pixels`);
  const maxReorderFrames = bits.flag() ? readMaxReorderFrames(bits) : undefined;
  return { profile, level, width, height, chromaFormat, bitDepthLuma, bitDepthChroma, maxReorderFrames };
}

/**
 * Whether decoding can begin at a sample: it has an IDR picture or a recovery point. Undefined when it holds no picture at all,
 * as a sample of parameter sets does.
 */
export function isH264RandomAccess(sample: Uint8Array, units: readonly NalUnit[]): boolean | undefined {
  let hasSlice = false;
  for (const { begin, end } of units) {
    const type = (sample[begin] ?? 0) & 0x1f;
    if (type === H264Nal.idr) return true;
    if (type === H264Nal.slice) hasSlice = true;
    // SEI messages of a sample stand before its slices; the recovery point is always sent first among them by encoders that use it.
    else if (type === H264Nal.sei && end > begin + 1 && sample[begin + 1] === RECOVERY_POINT) return true;
  }
  return hasSlice ? false : undefined;
}

function skipScalingLists(bits: BitReader, count: number): void {
  for (let i = 0; i < count; i++) if (bits.flag()) skipScalingList(bits, i < 6 ? 16 : 64);
}

function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size; i++) {
    if (next !== 0) next = (last + bits.signedGolomb() + 256) % 256;
    if (next !== 0) last = next;
  }
}

function skipPocCycle(bits: BitReader): void {
  bits.skip(1);
  bits.signedGolomb();
  bits.signedGolomb();
  const count = bits.unsignedGolomb();
  if (count > 255) throw new ProtocolError(`picture order count cycle of ${count} exceeds 255`);
  for (let i = 0; i < count; i++) bits.signedGolomb();
}

/** Walks the VUI (§E.1.1) to its end, where the reordering depth stands. Some encoders cut the VUI short: then it does not say. */
function readMaxReorderFrames(bits: BitReader): number | undefined {
  try {
    if (bits.flag() && bits.bits(8) === 255) bits.skip(32);
    if (bits.flag()) bits.skip(1);
    if (bits.flag()) {
      bits.skip(4);
      if (bits.flag()) bits.skip(24);
    }
    if (bits.flag()) {
      bits.unsignedGolomb();
      bits.unsignedGolomb();
    }
    if (bits.flag()) bits.skip(65);
    const nalHrd = bits.flag();
    if (nalHrd) skipHrd(bits);
    const vclHrd = bits.flag();
    if (vclHrd) skipHrd(bits);
    if (nalHrd || vclHrd) bits.skip(1);
    bits.skip(1);
    if (!bits.flag()) return undefined;
    bits.skip(1);
    for (let i = 0; i < 4; i++) bits.unsignedGolomb();
    return bits.unsignedGolomb();
  } catch {
    return undefined;
  }
}

function skipHrd(bits: BitReader): void {
  const count = bits.unsignedGolomb() + 1;
  if (count > 32) throw new ProtocolError(`${count} coded picture buffers exceed 32`);
  bits.skip(8);
  for (let i = 0; i < count; i++) {
    bits.unsignedGolomb();
    bits.unsignedGolomb();
    bits.skip(1);
  }
  bits.skip(20);
}

function hex(byte = 0): string {
  return byte.toString(16).padStart(2, '0');
}
