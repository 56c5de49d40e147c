/** AV1: the codec configuration (av1C) and the sequence header. Sources: AV1 in ISOBMFF §2.3, AV1 specification §5.3, §5.5. */
import { BitReader } from '../bit-reader.ts';
import { ProtocolError } from '../protocol-error.ts';

export interface Av1Config {
  readonly config: Uint8Array;
  readonly codecString: string;
  /** 0 when the configuration carries no sequence header: the first key frame does. */
  readonly width: number;
  readonly height: number;
}

const SEQUENCE_HEADER = 1;
const TEMPORAL_DELIMITER = 2;

/** Reads the content of av1C. Throws ProtocolError. */
export function readAv1C(av1C: Uint8Array): Av1Config {
  if (av1C.length < 4 || av1C[0] !== 0x81) throw new ProtocolError(`av1C of ${av1C.length} bytes begins with ${av1C[0]}, not 129`);
  const [, levels = 0, depths = 0] = av1C;
  const depth = depths & 0x40 ? (depths & 0x20 ? 12 : 10) : 8;
  const size = readAv1Size(av1C.subarray(4));
  return {
    config: av1C.slice(),
    codecString: `av01.${levels >> 5}.${twoDigits(levels & 0x1f)}${depths & 0x80 ? 'H' : 'M'}.${twoDigits(depth)}`,
    width: size?.width ?? 0,
    height: size?.height ?? 0,
  };
}

/** Picture size of the first sequence header among OBUs, undefined when there is none. Throws ProtocolError. */
export function readAv1Size(obus: Uint8Array): { readonly width: number; readonly height: number } | undefined {
  let at = 0;
  while (at < obus.length) {
    const header = obus[at] ?? 0;
    at += header & 0x04 ? 2 : 1;
    let length = obus.length - at;
    if (header & 0x02) ({ value: length, at } = leb128(obus, at));
    if (length < 0 || at + length > obus.length) throw new ProtocolError(`OBU of ${length} bytes exceeds its sample of ${obus.length}`);
    if (((header >> 3) & 0x0f) === SEQUENCE_HEADER) return readSequenceHeader(obus.subarray(at, at + length));
    at += length;
  }
  return undefined;
}

/** AV1 in ISOBMFF §2.4: samples hold no temporal delimiters. */
export function withoutTemporalDelimiter(sample: Uint8Array): Uint8Array {
  const header = sample[0] ?? 0;
  if (((header >> 3) & 0x0f) !== TEMPORAL_DELIMITER || !(header & 0x02)) return sample;
  return sample.subarray(header & 0x04 ? 3 : 2);
}

function readSequenceHeader(bytes: Uint8Array): { readonly width: number; readonly height: number } {
  const bits = new BitReader(bytes);
  bits.skip(4);
  if (bits.flag()) bits.skip(5);
  else skipOperatingPoints(bits);
  const widthBits = bits.bits(4) + 1;
  const heightBits = bits.bits(4) + 1;
  return { width: bits.bits(widthBits) + 1, height: bits.bits(heightBits) + 1 };
}

function skipOperatingPoints(bits: BitReader): void {
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
  for (let i = 0; i < count; i++) {
    bits.skip(12);
    if (bits.bits(5) > 7) bits.skip(1);
    if (delayBits !== undefined && bits.flag()) bits.skip(2 * delayBits + 1);
    if (hasDisplayDelay && bits.flag()) bits.skip(4);
  }
}

function leb128(bytes: Uint8Array, start: number): { readonly value: number; readonly at: number } {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = bytes[start + i] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, at: start + i + 1 };
  }
  throw new ProtocolError('OBU size is longer than 8 bytes');
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
