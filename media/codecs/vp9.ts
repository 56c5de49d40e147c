/** VP9: the codec configuration (vpcC) and the frame header. Sources: VP Codec ISO Media File Format Binding 1.0, VP9 bitstream §6.2. */
import { concat } from '../big-endian.ts';
import { BitReader } from '../bit-reader.ts';
import { ProtocolError } from '../protocol-error.ts';

export interface Vp9Config {
  /** vpcC with its version and flags. */
  readonly config: Uint8Array;
  readonly codecString: string;
}

const VERSION_AND_FLAGS = Uint8Array.of(1, 0, 0, 0);
const RGB = 7;
const BT_709 = 2;
const CICP_BT_709 = 1;
const CICP_UNSPECIFIED = 2;
/** 4:2:0 with chroma beside luma, and 4:4:4. */
const HALF_CHROMA = 1;
const FULL_CHROMA = 3;

const ASSUMED_FRAME_RATE = 30;

/** Levels and their luma samples a second (VP9 bitstream, Annex A). */
const LEVELS: readonly (readonly [level: number, maxSamples: number])[] = [
  [10, 829_440],
  [11, 2_764_800],
  [20, 4_608_000],
  [21, 9_216_000],
  [30, 20_736_000],
  [31, 36_864_000],
  [40, 83_558_400],
  [41, 160_432_128],
  [50, 311_951_360],
  [51, 588_251_136],
];
const MAX_LEVEL = 60;

/** Reads the content of vpcC; encoders disagree whether its version and flags belong to it. Throws ProtocolError. */
export function readVpcC(vpcC: Uint8Array): Vp9Config {
  const hasVersion = vpcC.length >= 12 && VERSION_AND_FLAGS.every((byte, i) => vpcC[i] === byte);
  const record = hasVersion ? vpcC.subarray(4) : vpcC;
  if (record.length < 8) throw new ProtocolError(`vpcC of ${vpcC.length} bytes is shorter than 8`);
  const [profile = 0, level = 0, depths = 0] = record;
  return {
    config: concat(VERSION_AND_FLAGS, record),
    codecString: `vp09.${twoDigits(profile)}.${twoDigits(level)}.${twoDigits(depths >> 4)}`,
  };
}

export interface Vp9KeyFrame {
  readonly width: number;
  readonly height: number;
  readonly profile: number;
  readonly bitDepth: number;
  /** As vpcC counts it: 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4. */
  readonly chroma: number;
  readonly fullRange: boolean;
  /** color_space of the bitstream, 2 for BT.709. */
  readonly colorSpace: number;
}

/** Picture size from the header of a key frame, undefined for other frames. */
export function readVp9Size(frame: Uint8Array): { readonly width: number; readonly height: number } | undefined {
  const header = readVp9KeyFrame(frame);
  return header && { width: header.width, height: header.height };
}

/** The header of a key frame, undefined for other frames. */
export function readVp9KeyFrame(frame: Uint8Array): Vp9KeyFrame | undefined {
  if (frame.length < 10) return undefined;
  const bits = new BitReader(frame);
  if (bits.bits(2) !== 2) return undefined;
  const profile = bits.bits(1) + 2 * bits.bits(1);
  if (profile === 3) bits.skip(1);
  const showsExisting = bits.flag();
  const isInter = bits.flag();
  bits.skip(2);
  if (showsExisting || isInter || bits.bits(24) !== 0x498342) return undefined;
  const bitDepth = profile >= 2 ? (bits.flag() ? 12 : 10) : 8;
  const hasSubsampling = profile === 1 || profile === 3;
  const colorSpace = bits.bits(3);
  let fullRange = true;
  let chroma = hasSubsampling ? FULL_CHROMA : HALF_CHROMA;
  if (colorSpace !== RGB) {
    fullRange = bits.flag();
    if (hasSubsampling) chroma = bits.bits(2) === 2 ? 2 : FULL_CHROMA;
    if (hasSubsampling) bits.skip(1);
  } else if (hasSubsampling) {
    bits.skip(1);
  }
  if (bits.bitsLeft < 32) return undefined;
  return { width: bits.bits(16) + 1, height: bits.bits(16) + 1, profile, bitDepth, chroma, fullRange, colorSpace };
}

/** vpcC of a stream whose container tells none. The level is that of 30 frames a second, which the bitstream does not tell. */
export function writeVpcC({ width, height, profile, bitDepth, chroma, fullRange, colorSpace }: Vp9KeyFrame): Uint8Array {
  const samples = width * height * ASSUMED_FRAME_RATE;
  const level = LEVELS.find(([, maxSamples]) => samples <= maxSamples)?.[0] ?? MAX_LEVEL;
  const color = colorSpace === BT_709 ? CICP_BT_709 : CICP_UNSPECIFIED;
  return concat(VERSION_AND_FLAGS, Uint8Array.of(profile, level, (bitDepth << 4) | (chroma << 1) | (fullRange ? 1 : 0), color, color, color, 0, 0));
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
