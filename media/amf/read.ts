/** Reads AMF0, the encoding of RTMP commands and metadata. Source: Adobe "Action Message Format -- AMF 0", 2007. */
import { u16, u32 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { AmfValue } from './value.ts';

/** Commands of real encoders stay below 4 KiB; metadata with key frame indexes of files may be larger and is of no use here. */
export const MAX_AMF_BYTES = 64 * 1024;

/** Real commands nest three deep; the reader recurses, so the depth is the stack's bound. */
export const MAX_AMF_DEPTH = 16;

const NUMBER = 0;
const BOOLEAN = 1;
const STRING = 2;
const OBJECT = 3;
const NULL = 5;
const UNDEFINED = 6;
const ECMA_ARRAY = 8;
const OBJECT_END = 9;
const STRICT_ARRAY = 10;
const DATE = 11;
const LONG_STRING = 12;
const UNSUPPORTED = 13;
const XML_DOCUMENT = 15;
const TYPED_OBJECT = 16;

const utf8 = new TextDecoder();

/** All values of a command or data message. Dates become milliseconds since the epoch. Throws ProtocolError. */
export function readAmf0(bytes: Uint8Array): AmfValue[] {
  if (bytes.length > MAX_AMF_BYTES) throw new ProtocolError(`AMF of ${bytes.length} bytes exceeds ${MAX_AMF_BYTES}`);
  const reader = new Reader(bytes);
  const values: AmfValue[] = [];
  while (!reader.done) values.push(reader.value(0));
  return values;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  value(depth: number): AmfValue {
    if (depth > MAX_AMF_DEPTH) throw new ProtocolError(`AMF nests deeper than ${MAX_AMF_DEPTH}`);
    const marker = this.#bytes[this.#take(1)] ?? 0;
    switch (marker) {
      case NUMBER:
        return this.#view.getFloat64(this.#take(8));
      case BOOLEAN:
        return this.#bytes[this.#take(1)] !== 0;
      case STRING:
        return this.#string();
      case LONG_STRING:
      case XML_DOCUMENT:
        return this.#text(u32(this.#bytes, this.#take(4)));
      case NULL:
      case UNSUPPORTED:
        return null;
      case UNDEFINED:
        return undefined;
      case TYPED_OBJECT:
        this.#string();
        return this.#object(depth);
      case ECMA_ARRAY:
        // The count is a hint: encoders get it wrong, the end marker decides.
        this.#take(4);
        return this.#object(depth);
      case OBJECT:
        return this.#object(depth);
      case STRICT_ARRAY:
        return this.#array(depth);
      case DATE: {
        const milliseconds = this.#view.getFloat64(this.#take(8));
        this.#take(2);
        return milliseconds;
      }
      default:
        throw new ProtocolError(`AMF0 type ${marker} is not known`);
    }
  }

  #object(depth: number): ReadonlyMap<string, AmfValue> {
    const entries = new Map<string, AmfValue>();
    for (;;) {
      const name = this.#string();
      if (name === '' && this.#bytes[this.#at] === OBJECT_END) {
        this.#at++;
        return entries;
      }
      // Some encoders end an ECMA array with the message instead of the end marker.
      if (this.done) return entries;
      entries.set(name, this.value(depth + 1));
      if (this.done) return entries;
    }
  }

  #array(depth: number): AmfValue[] {
    const count = u32(this.#bytes, this.#take(4));
    // Each element takes a byte at least.
    if (count > this.#bytes.length - this.#at) throw new ProtocolError(`AMF array of ${count} elements exceeds its message`);
    const values: AmfValue[] = [];
    for (let i = 0; i < count; i++) values.push(this.value(depth + 1));
    return values;
  }

  #string(): string {
    return this.#text(u16(this.#bytes, this.#take(2)));
  }

  #text(length: number): string {
    const at = this.#take(length);
    return utf8.decode(this.#bytes.subarray(at, at + length));
  }

  /** Steps over `length` bytes and returns where they begin. */
  #take(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw new ProtocolError(`AMF ends ${length - (this.#bytes.length - at)} bytes too early`);
    this.#at += length;
    return at;
  }
}
