/** Reads the body of an FLV audio tag, which is the payload of an RTMP audio message. Sources: Adobe FLV 10.1 §E.4.2, Veovera Enhanced RTMP v2. */
import { readModEx, readTrackBodies } from './enhanced.ts';

export interface AudioPacket {
  /** 0 is the main track. */
  readonly trackId: number;
  /** FourCC; for the codecs of old FLV that have none, their FLV name. */
  readonly codec: string;
  readonly type: 'config' | 'frame' | 'end' | 'other';
  /** Added to the message's timestamp, nanoseconds. */
  readonly nanoOffset: number;
  readonly data: Uint8Array;
}

const ENHANCED = 9;
const MULTITRACK = 5;

const LEGACY_CODECS: Readonly<Record<number, string>> = {
  ...{ 0: 'PCM', 1: 'ADPCM', 2: '.mp3', 3: 'PCM', 4: 'Nellymoser', 5: 'Nellymoser', 6: 'Nellymoser', 7: 'G.711 A-law', 8: 'G.711 mu-law' },
  ...{ 10: 'mp4a', 11: 'Speex', 14: '.mp3', 15: 'device-specific sound' },
};

/** The packets of a tag: one, or those of several tracks; none for silence. Throws ProtocolError. */
export function readAudioTag(bytes: Uint8Array): AudioPacket[] {
  const first = bytes[0];
  // An empty message stands for silence.
  if (first === undefined) return [];
  const format = first >> 4;
  if (format === ENHANCED) {
    const { packetType, at, nanoOffset } = readModEx(bytes, first & 0x0f, 1);
    return readTrackBodies(bytes, packetType, MULTITRACK, at).map(({ trackId, fourCc, packetType: type, body }) => ({
      trackId,
      codec: fourCc,
      type: type === 0 ? 'config' : type === 1 ? 'frame' : type === 2 ? 'end' : 'other',
      nanoOffset,
      data: body,
    }));
  }
  const codec = LEGACY_CODECS[format] ?? `FLV sound format ${format}`;
  if (codec !== 'mp4a') return [{ trackId: 0, codec, type: 'frame', nanoOffset: 0, data: bytes.subarray(1) }];
  // Silence again: an AAC tag without a frame.
  if (bytes.length < 3) return [];
  return [{ trackId: 0, codec, type: bytes[1] === 0 ? 'config' : 'frame', nanoOffset: 0, data: bytes.subarray(2) }];
}
