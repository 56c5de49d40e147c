/** Reads the body of an FLV video tag, which is the payload of an RTMP video message. Sources: Adobe FLV 10.1 §E.4.3, Veovera Enhanced RTMP v2. */
import { i24 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';
import { readModEx, readTrackBodies, type TrackBody } from './enhanced.ts';

export interface VideoPacket {
  /** 0 is the main track. */
  readonly trackId: number;
  /** FourCC; for the codecs of old FLV that have none, their FLV name. */
  readonly codec: string;
  readonly type: 'config' | 'frame' | 'end' | 'other';
  readonly key: boolean;
  /** pts − dts in milliseconds. */
  readonly compositionTimeMs: number;
  /** Added to the message's timestamp, nanoseconds. */
  readonly nanoOffset: number;
  readonly data: Uint8Array;
}

const LEGACY_CODECS: Readonly<Record<number, string>> = { 2: 'Sorenson H.263', 3: 'Screen Video', 4: 'VP6', 5: 'VP6 with alpha', 6: 'Screen Video 2', 7: 'avc1', 12: 'hvc1' };

const KEY_FRAME = 1;
const COMMAND_FRAME = 5;

const CODED_FRAMES = 1;
const CODED_FRAMES_X = 3;
const MULTITRACK = 6;

/** The packets of a tag: one, or those of several tracks; none for commands. Throws ProtocolError. */
export function readVideoTag(bytes: Uint8Array): VideoPacket[] {
  const first = bytes[0];
  if (first === undefined) return [];
  return first & 0x80 ? readEnhanced(bytes, first) : readLegacy(bytes, first);
}

function readLegacy(bytes: Uint8Array, first: number): VideoPacket[] {
  if (first >> 4 === COMMAND_FRAME) return [];
  const key = first >> 4 === KEY_FRAME;
  const codec = LEGACY_CODECS[first & 0x0f] ?? `FLV codec ${first & 0x0f}`;
  if (codec !== 'avc1' && codec !== 'hvc1') return [{ trackId: 0, codec, type: 'frame', key, compositionTimeMs: 0, nanoOffset: 0, data: bytes.subarray(1) }];
  if (bytes.length < 5) throw new ProtocolError(`video tag of ${bytes.length} bytes ends before its composition time`);
  const type = bytes[1] === 0 ? 'config' : bytes[1] === 1 ? 'frame' : bytes[1] === 2 ? 'end' : 'other';
  return [{ trackId: 0, codec, type, key, compositionTimeMs: type === 'frame' ? i24(bytes, 2) : 0, nanoOffset: 0, data: bytes.subarray(5) }];
}

function readEnhanced(bytes: Uint8Array, first: number): VideoPacket[] {
  const frameType = (first >> 4) & 0x07;
  const { packetType, at, nanoOffset } = readModEx(bytes, first & 0x0f, 1);
  // A command is one byte behind the header and no frame.
  if (frameType === COMMAND_FRAME && packetType !== 4) return [];
  return readTrackBodies(bytes, packetType, MULTITRACK, at).map((track) => videoPacket(track, frameType === KEY_FRAME, nanoOffset));
}

function videoPacket(track: TrackBody, key: boolean, nanoOffset: number): VideoPacket {
  const { trackId, fourCc: codec, packetType, body } = track;
  const common = { trackId, codec, key, nanoOffset };
  // Only codecs that reorder their frames carry a composition time, and CodedFramesX says that it is zero.
  if (packetType === CODED_FRAMES && (codec === 'avc1' || codec === 'hvc1')) {
    if (body.length < 3) throw new ProtocolError('coded frames end before their composition time');
    return { ...common, type: 'frame', compositionTimeMs: i24(body, 0), data: body.subarray(3) };
  }
  const type = packetType === 0 ? 'config' : packetType === CODED_FRAMES || packetType === CODED_FRAMES_X ? 'frame' : packetType === 2 ? 'end' : 'other';
  return { ...common, type, compositionTimeMs: 0, data: body };
}
