/** HEVC units as RTP payloads: single NAL units, aggregates and fragments. Source: RFC 7798 §4.4. */
import { hvcCSets } from '../codecs/hevc.ts';
import { nalUnits } from '../codecs/nal.ts';
import type { Unit } from '../unit.ts';
import { RTP_HEADER_BYTES } from './packet.ts';
import { MAX_PAYLOAD_BYTES, PacketBuffer, type Packetizer, type PacketizerOptions } from './packetizer.ts';

const VPS = 32;
const SPS = 33;
const PPS = 34;
const AUD = 35;
const FILLER = 38;
const AGGREGATE = 48;
const FRAGMENT = 49;

const START = 0x80;
const END = 0x40;

/** NAL headers take two bytes, and so does what stands before the units of an aggregate. */
const HEADER_BYTES = 2;

export class HevcPacketizer implements Packetizer {
  readonly #maxPayloadBytes: number;
  readonly #headerBytes: number;
  readonly #parameterSets: readonly Uint8Array[];

  /** @param hvcC the track's configuration, which is sent before each key frame that does not bring its own. Throws ProtocolError. */
  constructor(hvcC: Uint8Array, { maxPayloadBytes = MAX_PAYLOAD_BYTES, headerBytes = RTP_HEADER_BYTES }: PacketizerOptions = {}) {
    // hvcC may hold more, such as the message in which an encoder names itself.
    this.#parameterSets = hvcCSets(hvcC).filter(([first = 0]) => first >> 1 >= VPS && first >> 1 <= PPS);
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#headerBytes = headerBytes;
  }

  packetize({ data, key }: Pick<Unit, 'data' | 'key'>): Uint8Array[] {
    const nals = this.#nalsOf(data, key);
    let bytes = 0;
    let count = 0;
    for (const { length } of nals) {
      const fragments = Math.ceil(length / (this.#maxPayloadBytes - 3));
      bytes += length + 3 * fragments + 4;
      count += fragments;
    }
    const buffer = new PacketBuffer(bytes, count, this.#headerBytes);
    for (let i = 0; i < nals.length; ) {
      const run = this.#runLength(nals, i);
      if (run > 1) writeAggregate(buffer, nals.slice(i, i + run));
      else if (nals[i]) this.#writeOne(buffer, nals[i] ?? data);
      i += run;
    }
    return buffer.packets;
  }

  #nalsOf(data: Uint8Array, key: boolean): Uint8Array[] {
    const nals: Uint8Array[] = [];
    let hasSps = false;
    for (const { begin, end } of nalUnits(data, 4) ?? []) {
      const type = ((data[begin] ?? 0) >> 1) & 0x3f;
      if (type === AUD || type === FILLER || end - begin <= HEADER_BYTES) continue;
      if (type === SPS) hasSps = true;
      nals.push(data.subarray(begin, end));
    }
    return key && !hasSps && nals.length > 0 ? [...this.#parameterSets, ...nals] : nals;
  }

  #runLength(nals: readonly Uint8Array[], first: number): number {
    let bytes = HEADER_BYTES;
    let at = first;
    for (; at < nals.length; at++) {
      bytes += 2 + (nals[at]?.length ?? 0);
      if (bytes > this.#maxPayloadBytes) break;
    }
    return Math.max(1, at - first);
  }

  #writeOne(buffer: PacketBuffer, nal: Uint8Array): void {
    if (nal.length <= this.#maxPayloadBytes) {
      buffer.open();
      buffer.bytes(nal);
      buffer.close();
      return;
    }
    const [first = 0, second = 0] = nal;
    const type = (first >> 1) & 0x3f;
    const room = this.#maxPayloadBytes - HEADER_BYTES - 1;
    for (let at = HEADER_BYTES; at < nal.length; at += room) {
      const isLast = at + room >= nal.length;
      buffer.open();
      buffer.byte((first & 0x81) | (FRAGMENT << 1));
      buffer.byte(second);
      buffer.byte((at === HEADER_BYTES ? START : 0) | (isLast ? END : 0) | type);
      buffer.bytes(nal.subarray(at, at + room));
      buffer.close();
    }
  }
}

/** §4.4.2: the header has the lowest layer and the lowest temporal id of the units within. */
function writeAggregate(buffer: PacketBuffer, nals: readonly Uint8Array[]): void {
  let layer = 0x3f;
  let temporal = 7;
  for (const [first = 0, second = 0] of nals) {
    layer = Math.min(layer, ((first & 1) << 5) | (second >> 3));
    temporal = Math.min(temporal, second & 7);
  }
  buffer.open();
  buffer.byte((AGGREGATE << 1) | (layer >> 5));
  buffer.byte(((layer & 0x1f) << 3) | temporal);
  for (const nal of nals) {
    buffer.u16(nal.length);
    buffer.bytes(nal);
  }
  buffer.close();
}
