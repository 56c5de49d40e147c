/** What all packetizers share: a unit becomes packets behind each other in memory, each with room in front for a header. Lies between units and the network. */
import type { Slabs } from '../slabs.ts';
import type { Unit } from '../unit.ts';
import { RTP_HEADER_BYTES } from './packet.ts';

/** What fits every path once IP, UDP, SRTP and TURN have taken theirs of 1280 bytes; browsers use the same. */
export const MAX_PAYLOAD_BYTES = 1_188;

export interface PacketizerOptions {
  /** Largest payload of a packet, without the RTP header; at least 64, so that fragments advance. */
  readonly maxPayloadBytes?: number;
  /** Room left in front of each payload; `rtpHeaderBytes` tells what extensions take. */
  readonly headerBytes?: number;
}

export interface Packetizer {
  /**
   * Packets of one unit in sending order: `headerBytes` of zeros, then the payload. Views of one buffer. None when nothing of
   * the unit has a place in RTP.
   */
  packetize(unit: Pick<Unit, 'data' | 'key'>): Uint8Array[];
}

/** Fills the packets of one unit, in one piece of memory whatever their number. */
export class PacketBuffer {
  readonly packets: Uint8Array[] = [];
  readonly #buffer: Uint8Array;
  readonly #headerBytes: number;
  #begin = 0;
  #at = 0;

  /** @param payloadBytes an upper bound of all payloads together, and `count` of their number. */
  constructor(memory: Slabs, payloadBytes: number, count: number, headerBytes = RTP_HEADER_BYTES) {
    this.#buffer = memory.take(payloadBytes + count * headerBytes);
    this.#headerBytes = headerBytes;
  }

  /** Begins a packet. */
  open(): void {
    this.#begin = this.#at;
    this.#at += this.#headerBytes;
  }

  byte(value: number): void {
    this.#buffer[this.#at++] = value;
  }

  u16(value: number): void {
    this.byte(value >>> 8);
    this.byte(value);
  }

  bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  close(): void {
    this.packets.push(this.#buffer.subarray(this.#begin, this.#at));
  }
}
