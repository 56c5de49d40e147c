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

/** Picture size from the header of a key frame, undefined for other frames. */
export function readVp9Size(frame: Uint8Array): { readonly width: number; readonly height: number } | undefined {
  if (frame.length < 10) return undefined;
  const bits = new BitReader(frame);
  if (bits.bits(2) !== 2) return undefined;
  const profile = bits.bits(1) + 2 * bits.bits(1);
  if (profile === 3) bits.skip(1);
  const showsExisting = bits.flag();
  const isInter = bits.flag();
  bits.skip(2);
  if (showsExisting || isInter || bits.bits(24) !== 0x498342) return undefined;
  if (profile >= 2) bits.skip(1);
  const hasSubsampling = profile === 1 || profile === 3;
  if (bits.bits(3) !== RGB) bits.skip(hasSubsampling ? 4 : 1);
  else if (hasSubsampling) bits.skip(1);
  return bits.bitsLeft < 32 ? undefined : { width: bits.bits(16) + 1, height: bits.bits(16) + 1 };
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
