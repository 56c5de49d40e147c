/** AV1: the sequence header, and av1C made of it. Sources: AV1 specification §5.5, §6.4.2; AV1 in ISOBMFF §2.3. */

import { concat } from '../big-endian.ts';
import { BitReader } from '../bit-reader.ts';

export interface Av1SequenceHeader {
  readonly profile: number;
  readonly level: number;
  readonly tier: number;
  readonly width: number;
  readonly height: number;
  /** Every frame is a key frame, and frame headers do not say so. */
  readonly isStill: boolean;
  readonly bitDepth: 8 | 10 | 12;
  readonly monochrome: boolean;
  readonly subsamplingX: number;
  readonly subsamplingY: number;
  readonly chromaPosition: number;
}

const BT_709 = 1;
const SRGB = 13;
const IDENTITY = 0;
const SELECT = 2;

/** @param bytes the OBU's payload. Throws ProtocolError. */
export function readAv1SequenceHeader(bytes: Uint8Array): Av1SequenceHeader {
  const bits = new BitReader(bytes);
  const profile = bits.bits(3);
  bits.skip(1);
  const isReduced = bits.flag();
  const { level, tier } = isReduced ? { level: bits.bits(5), tier: 0 } : readOperatingPoints(bits);
  const widthBits = bits.bits(4) + 1;
  const heightBits = bits.bits(4) + 1;
  const width = bits.bits(widthBits) + 1;
  const height = bits.bits(heightBits) + 1;
  if (!isReduced && bits.flag()) bits.skip(7);
  bits.skip(3);
  if (!isReduced) skipTools(bits);
  bits.skip(3);
  return { profile, level, tier, width, height, isStill: isReduced, ...readColor(bits, profile) };
}

/** Content of av1C. @param sequenceHeader the whole OBU, with its size. */
export function writeAv1C(header: Av1SequenceHeader, sequenceHeader: Uint8Array): Uint8Array {
  const { profile, level, tier, bitDepth, monochrome, subsamplingX, subsamplingY, chromaPosition } = header;
  const depth = (bitDepth > 8 ? 0x40 : 0) | (bitDepth === 12 ? 0x20 : 0);
  const color = (monochrome ? 0x10 : 0) | (subsamplingX << 3) | (subsamplingY << 2) | chromaPosition;
  return concat(Uint8Array.of(0x81, (profile << 5) | level, (tier << 7) | depth | color, 0), sequenceHeader);
}

/** Level and tier of the first operating point, which has all layers. */
function readOperatingPoints(bits: BitReader): { readonly level: number; readonly tier: number } {
  let delayBits: number | undefined;
  if (bits.flag()) {
    bits.skip(64);
    if (bits.flag()) bits.unsignedGolomb();
    if (bits.flag()) {
      delayBits = bits.bits(5) + 1;
      bits.skip(42);
    }
  }
  const hasDisplayDelay = bits.flag();
  const count = bits.bits(5) + 1;
  let first: { readonly level: number; readonly tier: number } | undefined;
  for (let i = 0; i < count; i++) {
    bits.skip(12);
    const level = bits.bits(5);
    const tier = level > 7 ? bits.bits(1) : 0;
    first ??= { level, tier };
    if (delayBits !== undefined && bits.flag()) bits.skip(2 * delayBits + 1);
    if (hasDisplayDelay && bits.flag()) bits.skip(4);
  }
  return first ?? { level: 0, tier: 0 };
}

/** From enable_interintra_compound to order_hint_bits. */
function skipTools(bits: BitReader): void {
  bits.skip(4);
  const hasOrderHint = bits.flag();
  if (hasOrderHint) bits.skip(2);
  const screenContent = bits.flag() ? SELECT : bits.bits(1);
  if (screenContent > 0 && !bits.flag()) bits.skip(1);
  if (hasOrderHint) bits.skip(3);
}

/** §5.5.2. */
function readColor(bits: BitReader, profile: number): Pick<Av1SequenceHeader, 'bitDepth' | 'monochrome' | 'subsamplingX' | 'subsamplingY' | 'chromaPosition'> {
  const isHigh = bits.flag();
  const bitDepth = !isHigh ? 8 : profile === 2 && bits.flag() ? 12 : 10;
  const monochrome = profile !== 1 && bits.flag();
  const hasDescription = bits.flag();
  const primaries = hasDescription ? bits.bits(8) : 2;
  const transfer = hasDescription ? bits.bits(8) : 2;
  const matrix = hasDescription ? bits.bits(8) : 2;
  if (monochrome) return { bitDepth, monochrome, subsamplingX: 1, subsamplingY: 1, chromaPosition: 0 };
  if (primaries === BT_709 && transfer === SRGB && matrix === IDENTITY) return { bitDepth, monochrome, subsamplingX: 0, subsamplingY: 0, chromaPosition: 0 };
  bits.skip(1);
  const [subsamplingX, subsamplingY] = readSubsampling(bits, profile, bitDepth);
  return { bitDepth, monochrome, subsamplingX, subsamplingY, chromaPosition: subsamplingX && subsamplingY ? bits.bits(2) : 0 };
}

function readSubsampling(bits: BitReader, profile: number, bitDepth: number): readonly [x: number, y: number] {
  if (profile === 0) return [1, 1];
  if (profile === 1) return [0, 0];
  if (bitDepth !== 12) return [1, 0];
  const x = bits.bits(1);
  return [x, x ? bits.bits(1) : 0];
}
