/** For tests: units through a packetizer, a network that may lose packets, and a depacketizer. */
import type { Unit } from '../../unit.ts';
import type { Depacketizer, Frame } from '../depacketizer.ts';
import { RTP_HEADER_BYTES, readRtpPacket } from '../packet.ts';
import type { Packetizer } from '../packetizer.ts';
import { RtpSource } from '../rtp-source.ts';
import { sequenceAfter } from '../sequence.ts';

export type TestUnit = Pick<Unit, 'data' | 'key'>;

interface CarryOptions {
  readonly packetizer: Packetizer;
  readonly depacketizer: Depacketizer;
  readonly maxPayloadBytes?: number;
  /** Whether the packet with this count is lost. */
  readonly isLost?: (packet: number) => boolean;
}

/** Frames that arrive; unit i has timestamp i. Fails when a packet is larger than allowed. */
export function carry(units: readonly TestUnit[], { packetizer, depacketizer, maxPayloadBytes = 1_188, isLost = () => false }: CarryOptions): Frame[] {
  const source = new RtpSource({ ssrc: 1, payloadType: 96, packetizer, firstSequence: 65_530, marker: 'frame-end' });
  const frames: Frame[] = [];
  let expected: number | undefined;
  let count = 0;
  for (const [i, unit] of units.entries()) {
    for (const bytes of source.write(unit, i)) {
      if (bytes.length > maxPayloadBytes + RTP_HEADER_BYTES) throw new Error(`packet of ${bytes.length} bytes exceeds ${maxPayloadBytes}`);
      if (isLost(count++)) continue;
      const packet = readRtpPacket(bytes);
      frames.push(...depacketizer.push(packet, expected !== undefined && packet.sequence !== expected));
      expected = sequenceAfter(packet.sequence);
    }
  }
  return frames;
}
