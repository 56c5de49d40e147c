/** RTP packets: the header and its extensions read and written, payloads never copied. The bottom of the WebRTC path. Sources: RFC 3550 §5.1, RFC 8285. */
import { putU16, putU32, u16, u32 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';

/** The header without sources and extensions. */
export const RTP_HEADER_BYTES = 12;

const VERSION = 2;
const ONE_BYTE_PROFILE = 0xbede;
const TWO_BYTE_PROFILE = 0x1000;
/** RFC 8285 §4.2: the id that ends the reading of one-byte elements. */
const RESERVED_ID = 15;
const NONE = new Uint8Array(0);

export interface RtpPacket {
  readonly marker: boolean;
  /** 0 to 127; the session description says what it means. */
  readonly payloadType: number;
  /** 16 bits. */
  readonly sequence: number;
  /** 32 bits, in the clock rate of the payload type. */
  readonly timestamp: number;
  readonly ssrc: number;
  /** Contributing sources, four bytes each. */
  readonly csrcs: Uint8Array;
  /** What the extension block calls itself; 0 when there is none. */
  readonly extensionProfile: number;
  /** The extension block without its header; read with `headerExtension`. */
  readonly extension: Uint8Array;
  /** A view without the padding. Empty in packets that only probe the network. */
  readonly payload: Uint8Array;
}

export interface HeaderExtension {
  /** As negotiated by `a=extmap`. */
  readonly id: number;
  readonly value: Uint8Array;
}

export interface RtpHeader {
  readonly marker: boolean;
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
}

/** RFC 5761 §4: RTP and RTCP share a port, the second byte tells them apart. */
export function isRtcp(bytes: Uint8Array): boolean {
  const type = bytes[1] ?? 0;
  return type >= 192 && type <= 223;
}

/** Reads a packet; all parts are views of `bytes`. Throws ProtocolError. */
export function readRtpPacket(bytes: Uint8Array): RtpPacket {
  const [first = 0, second = 0] = bytes;
  if (bytes.length < RTP_HEADER_BYTES || first >> 6 !== VERSION) throw new ProtocolError(`RTP packet of ${bytes.length} bytes has version ${first >> 6}`);
  const csrcEnd = RTP_HEADER_BYTES + (first & 0x0f) * 4;
  const hasExtension = (first & 0x10) !== 0;
  let at = csrcEnd;
  let extensionProfile = 0;
  let extension: Uint8Array = NONE;
  if (hasExtension) {
    const end = at + 4 + u16(bytes, at + 2) * 4;
    if (end > bytes.length) throw new ProtocolError(`RTP extension ends at ${end} of ${bytes.length} bytes`);
    extensionProfile = u16(bytes, at);
    extension = bytes.subarray(at + 4, end);
    at = end;
  }
  const padding = first & 0x20 ? (bytes[bytes.length - 1] ?? 0) : 0;
  const end = bytes.length - padding;
  if (at > end) throw new ProtocolError(`RTP header of ${at} bytes and padding of ${padding} exceed ${bytes.length}`);
  return {
    marker: second >= 0x80,
    payloadType: second & 0x7f,
    sequence: u16(bytes, 2),
    timestamp: u32(bytes, 4),
    ssrc: u32(bytes, 8),
    csrcs: csrcEnd === RTP_HEADER_BYTES ? NONE : bytes.subarray(RTP_HEADER_BYTES, csrcEnd),
    extensionProfile,
    extension,
    payload: bytes.subarray(at, end),
  };
}

/** The value of one header extension, undefined when the packet does not carry it. Damaged blocks read as if they ended there. */
export function headerExtension({ extensionProfile, extension }: RtpPacket, id: number): Uint8Array | undefined {
  const isOneByte = extensionProfile === ONE_BYTE_PROFILE;
  if (!isOneByte && (extensionProfile & 0xfff0) !== TWO_BYTE_PROFILE) return undefined;
  let at = 0;
  while (at < extension.length) {
    const first = extension[at] ?? 0;
    if (first === 0) {
      at++;
      continue;
    }
    const element = isOneByte ? first >> 4 : first;
    if (isOneByte && element === RESERVED_ID) return undefined;
    const length = isOneByte ? (first & 0x0f) + 1 : (extension[at + 1] ?? 0);
    const begin = at + (isOneByte ? 1 : 2);
    at = begin + length;
    if (at > extension.length) return undefined;
    if (element === id) return extension.subarray(begin, at);
  }
  return undefined;
}

/** Bytes that a header with these extensions takes: what to leave free before a payload. */
export function rtpHeaderBytes(extensions: readonly HeaderExtension[] = []): number {
  if (extensions.length === 0) return RTP_HEADER_BYTES;
  const perElement = fitsOneByte(extensions) ? 1 : 2;
  let length = 0;
  for (const { value } of extensions) length += perElement + value.length;
  return RTP_HEADER_BYTES + 4 + Math.ceil(length / 4) * 4;
}

/** Writes the header into the first `rtpHeaderBytes(extensions)` bytes of `packet`. Extension values must be shorter than 256 bytes. */
export function writeRtpHeader(packet: Uint8Array, header: RtpHeader, extensions: readonly HeaderExtension[] = []): void {
  packet[0] = (VERSION << 6) | (extensions.length > 0 ? 0x10 : 0);
  packet[1] = (header.marker ? 0x80 : 0) | header.payloadType;
  putU16(packet, 2, header.sequence);
  putU32(packet, 4, header.timestamp);
  putU32(packet, 8, header.ssrc);
  if (extensions.length > 0) writeExtensions(packet, extensions);
}

function writeExtensions(packet: Uint8Array, extensions: readonly HeaderExtension[]): void {
  const end = rtpHeaderBytes(extensions);
  const isOneByte = fitsOneByte(extensions);
  putU16(packet, RTP_HEADER_BYTES, isOneByte ? ONE_BYTE_PROFILE : TWO_BYTE_PROFILE);
  putU16(packet, RTP_HEADER_BYTES + 2, (end - RTP_HEADER_BYTES - 4) / 4);
  let at = RTP_HEADER_BYTES + 4;
  for (const { id, value } of extensions) {
    if (isOneByte) {
      packet[at++] = (id << 4) | (value.length - 1);
    } else {
      packet[at++] = id;
      packet[at++] = value.length;
    }
    packet.set(value, at);
    at += value.length;
  }
  packet.fill(0, at, end);
}

function fitsOneByte(extensions: readonly HeaderExtension[]): boolean {
  return extensions.every(({ id, value }) => id < RESERVED_ID && value.length >= 1 && value.length <= 16);
}
