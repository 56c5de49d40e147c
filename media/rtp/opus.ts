/** Opus packets as RTP payloads and back: one packet each, unchanged. Source: RFC 7587 §4.2. */
import { concat } from '../big-endian.ts';
import { OPUS_SAMPLE_RATE } from '../codecs/opus.ts';
import { Slabs } from '../slabs.ts';
import type { Unit } from '../unit.ts';
import type { AudioFormat, Depacketizer, Frame } from './depacketizer.ts';
import { RTP_HEADER_BYTES, type RtpPacket } from './packet.ts';
import { MAX_PAYLOAD_BYTES, type Packetizer, type PacketizerOptions } from './packetizer.ts';

/** RFC 6716 §3.4: the largest packet, 120 ms at most. */
const MAX_PACKET_BYTES = 1_275 * 6;

/** RFC 7587 §4.1: RTP always counts 48 kHz and names two channels, and decoders give what they are asked for. */
const CHANNELS = 2;

/** RFC 6716 §3.2: what the encoder looks ahead, which a player skips at the beginning. Browsers tell none. */
const PRE_SKIP = 312;

export class OpusPacketizer implements Packetizer {
  readonly #maxPayloadBytes: number;
  readonly #headerBytes: number;
  readonly #memory = new Slabs();

  constructor({ maxPayloadBytes = MAX_PAYLOAD_BYTES, headerBytes = RTP_HEADER_BYTES }: PacketizerOptions = {}) {
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#headerBytes = headerBytes;
  }

  /** None for a packet that does not fit: Opus cannot be fragmented, and 20 ms of 256 kbit/s are 640 bytes. */
  packetize({ data }: Pick<Unit, 'data' | 'key'>): Uint8Array[] {
    if (data.length === 0 || data.length > this.#maxPayloadBytes) return [];
    const packet = this.#memory.take(this.#headerBytes + data.length);
    packet.set(data, this.#headerBytes);
    return [packet];
  }
}

export class OpusDepacketizer implements Depacketizer<AudioFormat> {
  readonly format: AudioFormat = { codec: 'opus', config: opusConfig(), codecString: 'opus', sampleRate: OPUS_SAMPLE_RATE, channels: CHANNELS };
  #damaged = 0;

  get damaged(): number {
    return this.#damaged;
  }

  /** The frame is a view of the payload. */
  push({ payload, timestamp }: Pick<RtpPacket, 'payload' | 'marker' | 'timestamp'>, afterLoss: boolean): readonly Frame[] {
    if (payload.length === 0) return [];
    if (payload.length > MAX_PACKET_BYTES) {
      this.#damaged++;
      return [];
    }
    return [{ data: payload, key: true, timestamp, afterLoss }];
  }
}

/** Content of dOps: version, channels, pre-skip, input rate, gain 0, mapping family 0. */
function opusConfig(): Uint8Array {
  return concat(Uint8Array.of(0, CHANNELS, PRE_SKIP >> 8, PRE_SKIP & 0xff, 0, 0, OPUS_SAMPLE_RATE >> 8, OPUS_SAMPLE_RATE & 0xff), Uint8Array.of(0, 0, 0));
}
