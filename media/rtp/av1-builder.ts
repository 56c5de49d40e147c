/** AV1 temporal units from RTP payloads; the sequence header in band becomes the configuration. Source: RTP Payload Format For AV1 §4. */
import { concat } from '../big-endian.ts';
import { isAv1RandomAccess, leb128Bytes, type Obu, putLeb128, readAv1C, readLeb128, readObus } from '../codecs/av1.ts';
import { readAv1SequenceHeader, writeAv1C } from '../codecs/av1-sequence-header.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { FrameBuilder, VideoFormat } from './depacketizer.ts';

const SEQUENCE_HEADER = 1;
const TEMPORAL_DELIMITER = 2;
const TILE_LIST = 8;
const PADDING = 15;

const CONTINUES = 0x80;
const CONTINUED = 0x40;
const NEW_SEQUENCE = 0x08;

/** A frame has some tile groups; an element of one byte each would be an attack. */
const MAX_ELEMENTS = 4_096;

export class Av1Builder implements FrameBuilder {
  /** Each is an OBU in the pieces it came in. */
  #elements: Uint8Array[][] = [];
  #goesOn = false;
  #sequenceHeader: Uint8Array | undefined;
  #format: VideoFormat | undefined;

  get format(): VideoFormat | undefined {
    return this.#format;
  }

  /** Only what begins a sequence is known to begin a temporal unit: a packet may begin with any tile group. */
  begins(payload: Uint8Array): boolean {
    const header = payload[0] ?? 0;
    return (header & CONTINUES) === 0 && (header & NEW_SEQUENCE) !== 0;
  }

  add(payload: Uint8Array): boolean {
    const header = payload[0] ?? 0;
    if (((header & CONTINUES) !== 0) !== this.#goesOn) return false;
    const elements = splitElements(payload, (header >> 4) & 3);
    if (!elements || elements.length + this.#elements.length > MAX_ELEMENTS) return false;
    for (const element of elements) {
      if (this.#goesOn) this.#elements.at(-1)?.push(element);
      else this.#elements.push([element]);
      this.#goesOn = false;
    }
    this.#goesOn = (header & CONTINUED) !== 0;
    return true;
  }

  finish(): { readonly data: Uint8Array; readonly key: boolean } | 'nothing' | 'damaged' {
    const elements = this.#elements;
    const isWhole = !this.#goesOn;
    this.reset();
    if (!isWhole) return 'damaged';
    try {
      return this.#sampleOf(elements);
    } catch (error) {
      if (error instanceof ProtocolError) return 'damaged';
      throw error;
    }
  }

  reset(): void {
    this.#elements = [];
    this.#goesOn = false;
  }

  #sampleOf(elements: readonly (readonly Uint8Array[])[]): { readonly data: Uint8Array; readonly key: boolean } | 'nothing' {
    const data = concat(...elements.flatMap((pieces) => withSize(pieces.length === 1 && pieces[0] ? pieces[0] : concat(...pieces))));
    const obus = readObus(data);
    const sequence = obus.find(({ type }) => type === SEQUENCE_HEADER);
    if (sequence) this.#learn(sequence);
    return this.#format && obus.length > 0 ? { data, key: isAv1RandomAccess(obus) } : 'nothing';
  }

  #learn({ bytes, payload }: Obu): void {
    const before = this.#sequenceHeader;
    if (before?.length === bytes.length && before.every((byte, i) => byte === bytes[i])) return;
    this.#sequenceHeader = bytes.slice();
    const { config, codecString, width, height } = readAv1C(writeAv1C(readAv1SequenceHeader(payload), bytes));
    this.#format = { codec: 'av1', config, codecString, width, height };
  }
}

/** @param count of elements, the last of which has no size; 0: each has one. Undefined when they do not fill the payload. */
function splitElements(payload: Uint8Array, count: number): Uint8Array[] | undefined {
  const elements: Uint8Array[] = [];
  let at = 1;
  try {
    while (at < payload.length && elements.length < MAX_ELEMENTS) {
      let length = payload.length - at;
      if (elements.length + 1 !== count) ({ value: length, at } = readLeb128(payload, at));
      if (length === 0 || at + length > payload.length) return undefined;
      elements.push(payload.subarray(at, at + length));
      at += length;
    }
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
  return elements.length > 0 && (count === 0 || elements.length === count) ? elements : undefined;
}

/** The OBU with a size of its own, as samples have it. None for what samples do without, and for layers above the first, which no viewer asked for. */
function withSize(obu: Uint8Array): Uint8Array[] {
  const [first = 0, extension = 0] = obu;
  const type = (first >> 3) & 0x0f;
  const hasExtension = (first & 0x04) !== 0;
  if (type === TEMPORAL_DELIMITER || type === TILE_LIST || type === PADDING) return [];
  if (hasExtension && ((extension >> 3) & 3) > 0) return [];
  if (first & 0x02) return [obu];
  const headerBytes = hasExtension ? 2 : 1;
  const size = Math.max(0, obu.length - headerBytes);
  const head = new Uint8Array(headerBytes + leb128Bytes(size));
  head[0] = first | 0x02;
  if (hasExtension) head[1] = extension;
  putLeb128(head, headerBytes, size);
  return [head, obu.subarray(headerBytes)];
}
