/** Packets sent lately, to answer a viewer who asks again; and the form in which they go out again. Source: RFC 4588 §4. */
import { putU16, putU32, u16 } from '../big-endian.ts';
import { RTP_HEADER_BYTES, type RtpPacket } from './packet.ts';

/** Two seconds of 4 Mbit/s, more than any player waits. A power of two, so that numbers keep their slot across the wrap. */
const HISTORY_PACKETS = 1_024;

const ORIGINAL_SEQUENCE_BYTES = 2;

export class PacketHistory {
  readonly #packets: (Uint8Array | undefined)[];

  /** @param capacity a power of two up to 32768. */
  constructor(capacity = HISTORY_PACKETS) {
    this.#packets = new Array<Uint8Array | undefined>(capacity).fill(undefined);
  }

  /** Keeps a finished packet, in place of the oldest. It is shared, not copied. */
  add(packet: Uint8Array): void {
    this.#packets[u16(packet, 2) % this.#packets.length] = packet;
  }

  /** The packet of that number, undefined when it is too old. */
  get(sequence: number): Uint8Array | undefined {
    const packet = this.#packets[sequence % this.#packets.length];
    return packet && u16(packet, 2) === sequence ? packet : undefined;
  }
}

export interface Retransmission {
  readonly ssrc: number;
  readonly payloadType: number;
  /** Of the retransmission source, which counts for itself. */
  readonly sequence: number;
}

/** A packet as its retransmission source sends it. Undefined for packets with sources or extensions, which we do not send. */
export function wrapRetransmission(packet: Uint8Array, { ssrc, payloadType, sequence }: Retransmission): Uint8Array | undefined {
  if (packet.length < RTP_HEADER_BYTES || packet[0] !== 0x80) return undefined;
  const wrapped = new Uint8Array(packet.length + ORIGINAL_SEQUENCE_BYTES);
  wrapped.set(packet.subarray(0, RTP_HEADER_BYTES));
  wrapped[1] = ((packet[1] ?? 0) & 0x80) | payloadType;
  putU16(wrapped, 2, sequence);
  putU32(wrapped, 8, ssrc);
  putU16(wrapped, RTP_HEADER_BYTES, u16(packet, 2));
  wrapped.set(packet.subarray(RTP_HEADER_BYTES), RTP_HEADER_BYTES + ORIGINAL_SEQUENCE_BYTES);
  return wrapped;
}

/** The packet within a retransmission. Undefined when it holds none, as those that probe the network. */
export function unwrapRetransmission(packet: RtpPacket, original: { readonly ssrc: number; readonly payloadType: number }): RtpPacket | undefined {
  if (packet.payload.length <= ORIGINAL_SEQUENCE_BYTES) return undefined;
  return { ...packet, ...original, sequence: u16(packet.payload, 0), payload: packet.payload.subarray(ORIGINAL_SEQUENCE_BYTES) };
}
