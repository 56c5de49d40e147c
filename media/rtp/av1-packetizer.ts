/** AV1 temporal units as RTP payloads: OBUs without their sizes, in elements that may run over packets. Source: RTP Payload Format For AV1 §4. */
import { leb128Bytes, putLeb128, readObus } from '../codecs/av1.ts';
import { ProtocolError } from '../protocol-error.ts';
import { Slabs } from '../slabs.ts';
import type { Unit } from '../unit.ts';
import { RTP_HEADER_BYTES } from './packet.ts';
import { MAX_PAYLOAD_BYTES, PacketBuffer, type Packetizer, type PacketizerOptions } from './packetizer.ts';

const SEQUENCE_HEADER = 1;
const TEMPORAL_DELIMITER = 2;
const TILE_LIST = 8;
const PADDING = 15;

/** av1C: its fields, then OBUs. */
const AV1C_HEADER_BYTES = 4;

/** Aggregation header: the first element goes on from the packet before, the last goes on in the next, a new sequence begins. */
const CONTINUES = 0x80;
const CONTINUED = 0x40;
const NEW_SEQUENCE = 0x08;

/** Less room than this in a packet is left empty rather than filled with the head of an element. */
const MIN_PIECE_BYTES = 16;

interface Element {
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
}

/** A part of an element within one packet. */
interface Piece {
  readonly element: Element;
  readonly begin: number;
  readonly end: number;
}

export class Av1Packetizer implements Packetizer {
  readonly #maxPayloadBytes: number;
  readonly #headerBytes: number;
  readonly #memory = new Slabs();
  readonly #sequenceHeaders: readonly Element[];

  /** @param av1C the track's configuration, whose sequence header is sent before each key frame that does not bring its own. Throws ProtocolError. */
  constructor(av1C: Uint8Array, { maxPayloadBytes = MAX_PAYLOAD_BYTES, headerBytes = RTP_HEADER_BYTES }: PacketizerOptions = {}) {
    this.#sequenceHeaders = elementsOf(av1C.subarray(AV1C_HEADER_BYTES)).elements;
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#headerBytes = headerBytes;
  }

  packetize({ data, key }: Pick<Unit, 'data' | 'key'>): Uint8Array[] {
    const { elements, hasSequenceHeader } = readable(data);
    if (elements.length === 0) return [];
    const packets = this.#plan(key && !hasSequenceHeader ? [...this.#sequenceHeaders, ...elements] : elements);
    const buffer = new PacketBuffer(this.#memory, packets.length * this.#maxPayloadBytes, packets.length, this.#headerBytes);
    for (const [i, pieces] of packets.entries()) {
      buffer.open();
      const [first] = pieces;
      const last = pieces.at(-1);
      const goesOn = (first && first.begin > 0 ? CONTINUES : 0) | (last && last.end < lengthOf(last.element) ? CONTINUED : 0);
      buffer.byte(goesOn | (i === 0 && key ? NEW_SEQUENCE : 0));
      for (const piece of pieces) writePiece(buffer, piece);
      buffer.close();
    }
    return buffer.packets;
  }

  /** Which parts of which elements go into which packet; each stands behind its size. */
  #plan(elements: readonly Element[]): Piece[][] {
    const packets: Piece[][] = [];
    let pieces: Piece[] = [];
    let room = this.#maxPayloadBytes - 1;
    for (const element of elements) {
      const length = lengthOf(element);
      for (let at = 0; at < length; ) {
        const fits = Math.min(length - at, room - leb128Bytes(room));
        if (pieces.length > 0 && fits < length - at && fits < MIN_PIECE_BYTES) {
          packets.push(pieces);
          pieces = [];
          room = this.#maxPayloadBytes - 1;
          continue;
        }
        pieces.push({ element, begin: at, end: at + fits });
        room -= leb128Bytes(fits) + fits;
        at += fits;
      }
    }
    packets.push(pieces);
    return packets;
  }
}

/** Bytes that make no OBUs cannot be sent. */
function readable(data: Uint8Array): { readonly elements: Element[]; readonly hasSequenceHeader: boolean } {
  try {
    return elementsOf(data);
  } catch (error) {
    if (error instanceof ProtocolError) return { elements: [], hasSequenceHeader: false };
    throw error;
  }
}

/** §5: temporal delimiters and tile lists are not sent, and sizes are those of the elements. */
function elementsOf(obus: Uint8Array): { readonly elements: Element[]; readonly hasSequenceHeader: boolean } {
  const elements: Element[] = [];
  let hasSequenceHeader = false;
  for (const { type, header, payload } of readObus(obus)) {
    if (type === TEMPORAL_DELIMITER || type === TILE_LIST || type === PADDING) continue;
    if (type === SEQUENCE_HEADER) hasSequenceHeader = true;
    const withoutSize = header.slice();
    withoutSize[0] = (header[0] ?? 0) & ~0x02;
    elements.push({ header: withoutSize, payload });
  }
  return { elements, hasSequenceHeader };
}

function writePiece(buffer: PacketBuffer, { element: { header, payload }, begin, end }: Piece): void {
  const size = new Uint8Array(8);
  buffer.bytes(size.subarray(0, putLeb128(size, 0, end - begin)));
  if (begin < header.length) buffer.bytes(header.subarray(begin, end));
  if (end > header.length) buffer.bytes(payload.subarray(Math.max(0, begin - header.length), end - header.length));
}

function lengthOf({ header, payload }: Element): number {
  return header.length + payload.length;
}
