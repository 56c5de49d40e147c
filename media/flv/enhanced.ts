/** What enhanced audio and video tags share: ModEx prefixes and multitrack bodies. Source: Veovera Enhanced RTMP v2. */
import { ascii, u16, u24 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';

/** Packet type 7 of both kinds: what follows modifies the packet that follows it. */
export const MOD_EX = 7;

const TIMESTAMP_OFFSET_NANO = 0;
const MANY_TRACKS = 1;
const MANY_TRACKS_MANY_CODECS = 2;

export interface ModEx {
  /** The packet type behind all ModEx, and where its body begins. */
  readonly packetType: number;
  readonly at: number;
  /** Added to the message's timestamp. */
  readonly nanoOffset: number;
}

/** Reads ModEx prefixes from `at`, just behind the tag's first byte. */
export function readModEx(bytes: Uint8Array, firstType: number, start: number): ModEx {
  let packetType = firstType;
  let at = start;
  let nanoOffset = 0;
  while (packetType === MOD_EX) {
    let size = (bytes[at++] ?? 0) + 1;
    if (size === 256) {
      size = u16(bytes, at) + 1;
      at += 2;
    }
    const data = at;
    at += size;
    if (at >= bytes.length) throw new ProtocolError(`ModEx of ${size} bytes exceeds its tag of ${bytes.length}`);
    const next = bytes[at++] ?? 0;
    if (next >> 4 === TIMESTAMP_OFFSET_NANO && size >= 3) nanoOffset = u24(bytes, data);
    packetType = next & 0x0f;
  }
  return { packetType, at, nanoOffset };
}

export interface TrackBody {
  readonly packetType: number;
  readonly trackId: number;
  readonly fourCc: string;
  readonly body: Uint8Array;
}

/** The body of an enhanced tag behind its ModEx: one packet, or those of several tracks. */
export function readTrackBodies(bytes: Uint8Array, packetType: number, multitrack: number, start: number): TrackBody[] {
  if (packetType !== multitrack) return [{ packetType, trackId: 0, fourCc: fourCcAt(bytes, start), body: bytes.subarray(start + 4) }];
  const layout = (bytes[start] ?? 0) >> 4;
  const innerType = (bytes[start] ?? 0) & 0x0f;
  // A multitrack packet within another has no meaning, and ModEx come before it.
  if (innerType === multitrack || innerType === MOD_EX) throw new ProtocolError(`multitrack tag holds packets of type ${innerType}`);
  let at = start + 1;
  let fourCc = '';
  if (layout !== MANY_TRACKS_MANY_CODECS) {
    fourCc = fourCcAt(bytes, at);
    at += 4;
  }
  const bodies: TrackBody[] = [];
  while (at < bytes.length) {
    if (layout === MANY_TRACKS_MANY_CODECS) {
      fourCc = fourCcAt(bytes, at);
      at += 4;
    }
    const trackId = bytes[at++] ?? 0;
    let end = bytes.length;
    if (layout === MANY_TRACKS || layout === MANY_TRACKS_MANY_CODECS) {
      end = at + 3 + u24(bytes, at);
      at += 3;
      if (end > bytes.length) throw new ProtocolError(`track ${trackId} exceeds its multitrack tag of ${bytes.length} bytes`);
    }
    bodies.push({ packetType: innerType, trackId, fourCc, body: bytes.subarray(at, end) });
    at = end;
  }
  return bodies;
}

function fourCcAt(bytes: Uint8Array, at: number): string {
  if (at + 4 > bytes.length) throw new ProtocolError('enhanced tag ends before its FourCC');
  return ascii(bytes, at, 4);
}
