/** The packets of one track, made once for all viewers and kept for those who lost some. Lies between a stream's units and the viewers' feeds. */
import { putU32 } from '@millrace/media/big-endian';
import type { Packetizer } from '@millrace/media/rtp/packetizer';
import { rescale } from '@millrace/media/time';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';

/** 8 s of video at 2.5 Mbit/s: longer than any repair makes sense, and than most groups of pictures. A power of two. */
const PACKETS = 2_048;

const MARKER = 0x80;
const VERSION = 0x80;

export interface LoggedPacket {
  /** Header and payload. Payload type, sequence number and timestamp are written anew for each viewer: sending copies. */
  readonly bytes: Buffer;
  readonly marker: boolean;
  /** Of its unit, unwrapped, in the clock of the payload. */
  readonly time: number;
}

export interface PacketLogOptions {
  readonly kind: 'video' | 'audio';
  readonly codec: Track['codec'];
  readonly ssrc: number;
  /** Of RTP timestamps. */
  readonly clockRate: number;
}

export class PacketLog {
  readonly kind: 'video' | 'audio';
  readonly codec: Track['codec'];
  readonly ssrc: number;
  readonly clockRate: number;
  readonly #packets: (LoggedPacket | undefined)[] = new Array(PACKETS);
  #packetizer: Packetizer | undefined;
  #timescale = 1;
  #next = 0;
  #keyAt = 0;
  #keyEnd = 0;

  constructor({ kind, codec, ssrc, clockRate }: PacketLogOptions) {
    this.kind = kind;
    this.codec = codec;
    this.ssrc = ssrc;
    this.clockRate = clockRate;
  }

  /** Number of the packet that comes next; they count from 0. */
  get next(): number {
    return this.#next;
  }

  /** Number of the oldest packet that is still kept. */
  get oldest(): number {
    return Math.max(0, this.#next - PACKETS);
  }

  /** Of the newest packet; undefined before the first. */
  get latestTime(): number | undefined {
    return this.packet(this.#next - 1)?.time;
  }

  /** Where decoding can begin, the latest: first packet and the one behind the key frame. Empty when there was none. */
  get key(): { readonly begin: number; readonly end: number } {
    return { begin: this.#keyAt, end: this.#keyEnd };
  }

  /** Time of the newest packet on the broadcast's timeline; 0 when there is none. */
  get newestSeconds(): number {
    return (this.latestTime ?? 0) / this.clockRate;
  }

  packet(number: number): LoggedPacket | undefined {
    return number >= this.oldest && number < this.#next ? this.#packets[number & (PACKETS - 1)] : undefined;
  }

  /** What follows has this format. Decoding does not go on across the change. */
  setFormat(packetizer: Packetizer, timescale: number): void {
    this.#packetizer = packetizer;
    this.#timescale = timescale;
    this.#keyAt = this.#keyEnd = this.#next;
  }

  append(unit: Unit): void {
    const packets = this.#packetizer?.packetize(unit) ?? [];
    if (packets.length === 0) return;
    const time = rescale(unit.pts, this.#timescale, this.clockRate);
    const first = this.#next;
    const last = packets.length - 1;
    for (const [i, packet] of packets.entries()) {
      const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
      bytes[0] = VERSION;
      putU32(bytes, 8, this.ssrc);
      this.#packets[this.#next & (PACKETS - 1)] = { bytes, marker: this.kind === 'video' && i === last, time };
      this.#next++;
    }
    if (unit.key && this.kind === 'video') {
      this.#keyAt = first;
      this.#keyEnd = this.#next;
    }
  }
}

/** Writes what differs between viewers. */
export function stampPacket(
  { bytes, marker }: LoggedPacket,
  { payloadType, sequence, time }: { readonly payloadType: number; readonly sequence: number; readonly time: number },
): void {
  bytes[1] = (marker ? MARKER : 0) | payloadType;
  bytes[2] = sequence >> 8;
  bytes[3] = sequence;
  bytes[4] = time >>> 24;
  bytes[5] = time >>> 16;
  bytes[6] = time >>> 8;
  bytes[7] = time;
}
