/** MP3: the header in front of each frame. Source: ISO/IEC 11172-3 §2.4.1.3, 13818-3 for the lower rates. */
import { u16 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';

export interface Mp3Header {
  readonly sampleRate: number;
  readonly channels: number;
  readonly frameSamples: number;
}

const LAYER_3 = 1;
const MPEG_1 = 3;
const RESERVED_VERSION = 1;
const MONO = 3;
const MPEG_1_RATES = [44_100, 48_000, 32_000];

/** Throws ProtocolError. */
export function readMp3Header(frame: Uint8Array): Mp3Header {
  const sync = u16(frame, 0);
  if (frame.length < 4 || sync >> 5 !== 0x7ff) throw new ProtocolError('MP3 frame lacks its sync word');
  const version = (sync >> 3) & 3;
  const layer = (sync >> 1) & 3;
  const rate = MPEG_1_RATES[((frame[2] ?? 0) >> 2) & 3];
  if (version === RESERVED_VERSION || layer !== LAYER_3 || rate === undefined) throw new ProtocolError(`MPEG audio version ${version}, layer ${4 - layer} is not MP3`);
  const channels = (frame[3] ?? 0) >> 6 === MONO ? 1 : 2;
  if (version === MPEG_1) return { sampleRate: rate, channels, frameSamples: 1152 };
  return { sampleRate: version === 2 ? rate / 2 : rate / 4, channels, frameSamples: 576 };
}
