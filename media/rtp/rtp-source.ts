/** One outgoing source: units become finished packets, numbered and counted for its sender reports. Made once, shared by all who are sent them. */
import type { Unit } from '../unit.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from './packet.ts';
import type { Packetizer } from './packetizer.ts';
import { sequenceAfter } from './sequence.ts';

interface RtpSourceOptions {
  readonly ssrc: number;
  readonly payloadType: number;
  /** Leaves `RTP_HEADER_BYTES` in front of payloads. */
  readonly packetizer: Packetizer;
  /** Of the first packet: random, so that packets cannot be foreseen (RFC 3550 §5.1). */
  readonly firstSequence: number;
  /** 'frame-end' for video; 'never' for sound, which has no frames of several packets. */
  readonly marker: 'frame-end' | 'never';
}

export class RtpSource {
  readonly ssrc: number;
  readonly #payloadType: number;
  readonly #marker: RtpSourceOptions['marker'];
  #packetizer: Packetizer;
  #sequence: number;
  #packets = 0;
  #octets = 0;

  constructor({ ssrc, payloadType, packetizer, firstSequence, marker }: RtpSourceOptions) {
    this.ssrc = ssrc;
    this.#payloadType = payloadType;
    this.#packetizer = packetizer;
    this.#sequence = firstSequence & 0xffff;
    this.#marker = marker;
  }

  /** Packets and payload octets sent, as sender reports count them. */
  get sent(): { readonly packets: number; readonly octets: number } {
    return { packets: this.#packets, octets: this.#octets };
  }

  /** The format changed: the same source goes on with another packetizer. */
  replacePacketizer(packetizer: Packetizer): void {
    this.#packetizer = packetizer;
  }

  /** Finished packets of a unit. @param timestamp 32 bits, of its pts. */
  write(unit: Pick<Unit, 'data' | 'key'>, timestamp: number): Uint8Array[] {
    const packets = this.#packetizer.packetize(unit);
    for (const [i, packet] of packets.entries()) {
      const marker = this.#marker === 'frame-end' && i === packets.length - 1;
      writeRtpHeader(packet, { marker, payloadType: this.#payloadType, sequence: this.#sequence, timestamp, ssrc: this.ssrc });
      this.#sequence = sequenceAfter(this.#sequence);
      this.#octets += packet.length - RTP_HEADER_BYTES;
    }
    this.#packets += packets.length;
    return packets;
  }
}
