/** Units made of NAL units as RTP payloads: single ones, aggregates of small ones and fragments of large ones. What differs between codecs is given. */
import { nalUnits } from '../codecs/nal.ts';
import { Slabs } from '../slabs.ts';
import type { Unit } from '../unit.ts';
import { RTP_HEADER_BYTES } from './packet.ts';
import { MAX_PAYLOAD_BYTES, PacketBuffer, type Packetizer, type PacketizerOptions } from './packetizer.ts';

/** In front of the type in a fragment's header. */
const START = 0x80;
const END = 0x40;

export interface NalFormat {
  /** Of a NAL unit, and of the payload header in its place. */
  readonly headerBytes: number;
  /** The type in the first byte of a header. */
  typeOf(first: number): number;
  /** A key frame that has one brings its parameter sets. */
  readonly sps: number;
  /** What receivers need not get. */
  skips(type: number): boolean;
  writeAggregateHeader(buffer: PacketBuffer, nals: readonly Uint8Array[]): void;
  /** The payload header of a fragment, without the byte that tells its type and place. */
  writeFragmentHeader(buffer: PacketBuffer, nal: Uint8Array): void;
}

export class NalPacketizer implements Packetizer {
  readonly #format: NalFormat;
  readonly #parameterSets: readonly Uint8Array[];
  readonly #maxPayloadBytes: number;
  readonly #headerBytes: number;
  readonly #memory = new Slabs();

  /** @param parameterSets sent before each key frame that does not bring its own. */
  constructor(format: NalFormat, parameterSets: readonly Uint8Array[], { maxPayloadBytes = MAX_PAYLOAD_BYTES, headerBytes = RTP_HEADER_BYTES }: PacketizerOptions = {}) {
    this.#format = format;
    this.#parameterSets = parameterSets;
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#headerBytes = headerBytes;
  }

  packetize({ data, key }: Pick<Unit, 'data' | 'key'>): Uint8Array[] {
    const nals = this.#nalsOf(data, key);
    const perFragment = this.#format.headerBytes + 1;
    let bytes = 0;
    let count = 0;
    for (const { length } of nals) {
      const fragments = Math.ceil(length / (this.#maxPayloadBytes - perFragment));
      // As part of an aggregate it takes a length of two bytes and at most a header.
      bytes += length + perFragment * fragments + 2 + this.#format.headerBytes;
      count += fragments;
    }
    const buffer = new PacketBuffer(this.#memory, bytes, count, this.#headerBytes);
    for (let i = 0; i < nals.length; ) {
      const run = this.#runLength(nals, i);
      if (run > 1) this.#writeAggregate(buffer, nals.slice(i, i + run));
      else if (nals[i]) this.#writeOne(buffer, nals[i] ?? data);
      i += run;
    }
    return buffer.packets;
  }

  #nalsOf(data: Uint8Array, key: boolean): Uint8Array[] {
    const { typeOf, skips, sps, headerBytes } = this.#format;
    const nals: Uint8Array[] = [];
    let hasSps = false;
    for (const { begin, end } of nalUnits(data, 4) ?? []) {
      const type = typeOf(data[begin] ?? 0);
      if (skips(type) || end - begin < headerBytes) continue;
      if (type === sps) hasSps = true;
      nals.push(data.subarray(begin, end));
    }
    return key && !hasSps && nals.length > 0 ? [...this.#parameterSets, ...nals] : nals;
  }

  /** How many units from `first` on fit one aggregate: its header, and two bytes of length each. */
  #runLength(nals: readonly Uint8Array[], first: number): number {
    let bytes = this.#format.headerBytes;
    let at = first;
    for (; at < nals.length; at++) {
      bytes += 2 + (nals[at]?.length ?? 0);
      if (bytes > this.#maxPayloadBytes) break;
    }
    return Math.max(1, at - first);
  }

  #writeAggregate(buffer: PacketBuffer, nals: readonly Uint8Array[]): void {
    buffer.open();
    this.#format.writeAggregateHeader(buffer, nals);
    for (const nal of nals) {
      buffer.u16(nal.length);
      buffer.bytes(nal);
    }
    buffer.close();
  }

  #writeOne(buffer: PacketBuffer, nal: Uint8Array): void {
    if (nal.length <= this.#maxPayloadBytes) {
      buffer.open();
      buffer.bytes(nal);
      buffer.close();
      return;
    }
    const { headerBytes, typeOf, writeFragmentHeader } = this.#format;
    const type = typeOf(nal[0] ?? 0);
    const room = this.#maxPayloadBytes - headerBytes - 1;
    for (let at = headerBytes; at < nal.length; at += room) {
      buffer.open();
      writeFragmentHeader(buffer, nal);
      buffer.byte((at === headerBytes ? START : 0) | (at + room >= nal.length ? END : 0) | type);
      buffer.bytes(nal.subarray(at, at + room));
      buffer.close();
    }
  }
}
