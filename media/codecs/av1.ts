/** AV1: the codec configuration (av1C) and the sequence header. Sources: AV1 in ISOBMFF §2.3, AV1 specification §5.3, §5.5. */
import { ProtocolError } from '../protocol-error.ts';
import { type Av1SequenceHeader, readAv1SequenceHeader } from './av1-sequence-header.ts';

export interface Av1Config {
  readonly config: Uint8Array;
  readonly codecString: string;
  /** 0 when the configuration carries no sequence header: the first key frame does. */
  readonly width: number;
  readonly height: number;
}

const SEQUENCE_HEADER = 1;
const TEMPORAL_DELIMITER = 2;
const FRAME_HEADER = 3;
const FRAME = 6;

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
  const header = sequenceHeaderOf(obus);
  return header && { width: header.width, height: header.height };
}

/** One open bitstream unit within a sample. */
export interface Obu {
  readonly type: number;
  /** 0 without an extension. */
  readonly spatialLayer: number;
  /** The header byte and its extension, without the size. */
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
  /** All of it, as it stands in the sample. */
  readonly bytes: Uint8Array;
}

/** The OBUs of a sample; the last may lack its size. Throws ProtocolError. */
export function readObus(sample: Uint8Array): Obu[] {
  return [...walkObus(sample)];
}

function* walkObus(sample: Uint8Array): Iterable<Obu> {
  let at = 0;
  while (at < sample.length) {
    const begin = at;
    const header = sample[at] ?? 0;
    at += header & 0x04 ? 2 : 1;
    const headerEnd = at;
    let length = sample.length - at;
    if (header & 0x02) ({ value: length, at } = readLeb128(sample, at));
    if (length < 0 || at + length > sample.length) throw new ProtocolError(`OBU of ${length} bytes exceeds its sample of ${sample.length}`);
    const end = at + length;
    const spatialLayer = header & 0x04 ? ((sample[begin + 1] ?? 0) >> 3) & 3 : 0;
    yield { type: (header >> 3) & 0x0f, spatialLayer, header: sample.subarray(begin, headerEnd), payload: sample.subarray(at, end), bytes: sample.subarray(begin, end) };
    at = end;
  }
}

/** Whether decoding can begin at these OBUs: a sequence header, and the first frame is a key frame that is shown. */
export function isAv1RandomAccess(obus: readonly Obu[]): boolean {
  const sequence = obus.find(({ type }) => type === SEQUENCE_HEADER);
  const frame = obus.find(({ type }) => type === FRAME || type === FRAME_HEADER);
  if (!sequence || !frame) return false;
  // §5.9.2: show_existing_frame 0, frame_type 0, show_frame 1.
  return readAv1SequenceHeader(sequence.payload).isStill || ((frame.payload[0] ?? 0xff) & 0xf0) === 0x10;
}

function sequenceHeaderOf(obus: Uint8Array): Av1SequenceHeader | undefined {
  for (const { type, payload } of walkObus(obus)) if (type === SEQUENCE_HEADER) return readAv1SequenceHeader(payload);
  return undefined;
}

/** AV1 in ISOBMFF §2.4: samples hold no temporal delimiters. */
export function withoutTemporalDelimiter(sample: Uint8Array): Uint8Array {
  const header = sample[0] ?? 0;
  if (((header >> 3) & 0x0f) !== TEMPORAL_DELIMITER || !(header & 0x02)) return sample;
  return sample.subarray(header & 0x04 ? 3 : 2);
}

/** A size of seven bits a byte, lowest first (§4.10.5). Throws ProtocolError. */
export function readLeb128(bytes: Uint8Array, start: number): { readonly value: number; readonly at: number } {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = bytes[start + i] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, at: start + i + 1 };
  }
  throw new ProtocolError('OBU size is longer than 8 bytes');
}

/** Bytes that a size takes. */
export function leb128Bytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Writes a size; returns where it ends. */
export function putLeb128(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let end = at;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[end++] = (rest % 0x80) | 0x80;
  bytes[end++] = rest;
  return end;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
