/** Opus: its header and the duration of packets. Sources: RFC 7845 §5.1, Opus in ISOBMFF §4.3.2, RFC 6716 §3.1. */
import { ascii, concat } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';

/** Opus counts in samples of 48 kHz whatever was recorded. */
export const OPUS_SAMPLE_RATE = 48_000;

export interface OpusConfig {
  /** Content of dOps. */
  readonly config: Uint8Array;
  readonly channels: number;
}

/** Turns an OpusHead, which is little-endian, into dOps, which is not. Throws ProtocolError. */
export function readOpusHead(head: Uint8Array): OpusConfig {
  if (head.length < 19 || ascii(head, 0, 8) !== 'OpusHead') throw new ProtocolError(`OpusHead of ${head.length} bytes lacks its name or is shorter than 19`);
  const channels = head[9] ?? 0;
  const family = head[18] ?? 0;
  if (channels === 0) throw new ProtocolError('OpusHead has no channels');
  const mapping = family === 0 ? new Uint8Array(0) : head.subarray(19, 21 + channels);
  if (family !== 0 && mapping.length < 2 + channels) throw new ProtocolError(`OpusHead lacks the mapping of its ${channels} channels`);
  const preSkip = head.slice(10, 12).reverse();
  const sampleRate = head.slice(12, 16).reverse();
  const gain = head.slice(16, 18).reverse();
  return { config: concat(Uint8Array.of(0, channels), preSkip, sampleRate, gain, Uint8Array.of(family), mapping), channels };
}

/** Samples of 48 kHz a packet decodes to; 0 for an empty one. */
export function opusPacketSamples(packet: Uint8Array): number {
  const [toc, second = 0] = packet;
  if (toc === undefined) return 0;
  const code = toc & 3;
  const frames = code === 0 ? 1 : code === 3 ? second & 0x3f : 2;
  return frames * frameSamples(toc >> 3);
}

function frameSamples(configuration: number): number {
  if (configuration < 12) return [480, 960, 1920, 2880][configuration & 3] ?? 0;
  if (configuration < 16) return [480, 960][configuration & 1] ?? 0;
  return [120, 240, 480, 960][configuration & 3] ?? 0;
}
