/** H.264 units as RTP payloads of packetization mode 1: single NAL units, STAP-A and FU-A. Source: RFC 6184 §5.6 to §5.8. */
import { parameterSetsOfAvcC } from '../codecs/h264-parameter-sets.ts';
import { nalUnits } from '../codecs/nal.ts';
import type { Unit } from '../unit.ts';
import { RTP_HEADER_BYTES } from './packet.ts';
import { MAX_PAYLOAD_BYTES, PacketBuffer, type Packetizer, type PacketizerOptions } from './packetizer.ts';

const SPS = 7;
const AUD = 9;
const FILLER = 12;
const STAP_A = 24;
const FU_A = 28;

const NRI = 0x60;
const START = 0x80;
const END = 0x40;

export class H264Packetizer implements Packetizer {
  readonly #maxPayloadBytes: number;
  readonly #headerBytes: number;
  readonly #parameterSets: readonly Uint8Array[];

  /** @param avcC the track's configuration, which is sent before each key frame that does not bring its own. Throws ProtocolError. */
  constructor(avcC: Uint8Array, { maxPayloadBytes = MAX_PAYLOAD_BYTES, headerBytes = RTP_HEADER_BYTES }: PacketizerOptions = {}) {
    const { sps, pps } = parameterSetsOfAvcC(avcC);
    this.#parameterSets = [...sps, ...pps];
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#headerBytes = headerBytes;
  }

  packetize({ data, key }: Pick<Unit, 'data' | 'key'>): Uint8Array[] {
    const nals = this.#nalsOf(data, key);
    let bytes = 0;
    let count = 0;
    for (const { length } of nals) {
      const fragments = Math.ceil(length / (this.#maxPayloadBytes - 2));
      bytes += length + 2 * fragments + 1;
      count += fragments;
    }
    const buffer = new PacketBuffer(bytes, count, this.#headerBytes);
    for (let i = 0; i < nals.length; ) {
      const run = this.#runLength(nals, i);
      if (run > 1) writeStapA(buffer, nals.slice(i, i + run));
      else if (nals[i]) this.#writeOne(buffer, nals[i] ?? data);
      i += run;
    }
    return buffer.packets;
  }

  #nalsOf(data: Uint8Array, key: boolean): Uint8Array[] {
    const nals: Uint8Array[] = [];
    let hasSps = false;
    for (const { begin, end } of nalUnits(data, 4) ?? []) {
      const type = (data[begin] ?? 0) & 0x1f;
      if (type === AUD || type === FILLER) continue;
      if (type === SPS) hasSps = true;
      nals.push(data.subarray(begin, end));
    }
    return key && !hasSps && nals.length > 0 ? [...this.#parameterSets, ...nals] : nals;
  }

  /** How many units from `first` on fit one STAP-A: its header, and two bytes of length each. */
  #runLength(nals: readonly Uint8Array[], first: number): number {
    let bytes = 1;
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
    const header = nal[0] ?? 0;
    const room = this.#maxPayloadBytes - 2;
    for (let at = 1; at < nal.length; at += room) {
      const isLast = at + room >= nal.length;
      buffer.open();
      buffer.byte((header & NRI) | FU_A);
      buffer.byte((at === 1 ? START : 0) | (isLast ? END : 0) | (header & 0x1f));
      buffer.bytes(nal.subarray(at, at + room));
      buffer.close();
    }
  }
}

/** §5.7.1: the header has the highest importance of the units within. */
function writeStapA(buffer: PacketBuffer, nals: readonly Uint8Array[]): void {
  let nri = 0;
  for (const [header = 0] of nals) nri = Math.max(nri, header & NRI);
  buffer.open();
  buffer.byte(nri | STAP_A);
  for (const nal of nals) {
    buffer.u16(nal.length);
    buffer.bytes(nal);
  }
  buffer.close();
}
