/** Writes AMF0, the encoding of RTMP commands and metadata. Source: Adobe "Action Message Format -- AMF 0", 2007. */
import { concat, putU16, u32Bytes } from '../big-endian.ts';
import { type AmfValue, isAmfObject } from './value.ts';

const utf8 = new TextEncoder();
const OBJECT_END = Uint8Array.of(0, 0, 9);

/** One value after the other, as in a command or data message. */
export function writeAmf0(...values: readonly AmfValue[]): Uint8Array {
  return concat(...values.map(writeValue));
}

function writeValue(value: AmfValue): Uint8Array {
  if (value === null) return Uint8Array.of(5);
  if (value === undefined) return Uint8Array.of(6);
  if (typeof value === 'boolean') return Uint8Array.of(1, value ? 1 : 0);
  if (typeof value === 'number') return writeNumber(value);
  if (typeof value === 'string') return writeString(value);
  if (isAmfObject(value)) return concat(Uint8Array.of(3), ...[...value].flatMap(([name, member]) => [shortString(utf8.encode(name)), writeValue(member)]), OBJECT_END);
  return concat(Uint8Array.of(10), u32Bytes(value.length), ...value.map(writeValue));
}

function writeNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(9);
  new DataView(bytes.buffer).setFloat64(1, value);
  return bytes;
}

function writeString(value: string): Uint8Array {
  const text = utf8.encode(value);
  if (text.length > 0xffff) return concat(Uint8Array.of(12), u32Bytes(text.length), text);
  return concat(Uint8Array.of(2), shortString(text));
}

function shortString(text: Uint8Array): Uint8Array {
  const length = new Uint8Array(2);
  putU16(length, 0, text.length);
  return concat(length, text);
}
