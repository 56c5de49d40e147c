/** Reads RTCP: reports and feedback, one compound packet to a datagram. Unknown kinds are passed over. Sources: RFC 3550 §6, RFC 4585 §6, RFC 5104 §4.3.1. */
import { ascii, u16, u24, u32 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';
import { readNtp } from './ntp.ts';

/** RFC 3550 §12.1 and RFC 4585 §6: packet types. */
export const RtcpType = {
  senderReport: 200,
  receiverReport: 201,
  sourceDescription: 202,
  bye: 203,
  transportFeedback: 205,
  payloadFeedback: 206,
} as const;

/** Formats of feedback messages. */
export const FeedbackFormat = { nack: 1, pictureLoss: 1, fullIntraRequest: 4, application: 15, transportWide: 15 } as const;

/** More than a bounded history of sent packets could answer. */
export const MAX_NACKED = 1_024;

/** SDES item of the canonical name. */
export const CNAME = 1;

/** What a receiver tells of one source. */
export interface ReceptionReport {
  readonly ssrc: number;
  /** Lost since the last report, in 1/256. */
  readonly fractionLost: number;
  /** Lost since the beginning; duplicates may make it negative. */
  readonly cumulativeLost: number;
  /** Sequence number with its count of wraps above it. */
  readonly highestSequence: number;
  /** In timestamp units. */
  readonly jitter: number;
  /** The middle 32 bits of the last sender report's time; 0 when none came. */
  readonly lastReport: number;
  /** In 1/65536 s. */
  readonly delaySinceLastReport: number;
}

export interface SenderReport {
  readonly type: 'sender-report';
  readonly ssrc: number;
  /** Microseconds since 1900 on the sender's clock. */
  readonly ntpMicros: number;
  /** The same moment in the timestamps of the source. */
  readonly rtpTimestamp: number;
  readonly packets: number;
  readonly octets: number;
  readonly reports: readonly ReceptionReport[];
  /** By which a reception report refers to this one. */
  readonly middleNtp: number;
}

export type RtcpPacket =
  | SenderReport
  | { readonly type: 'receiver-report'; readonly ssrc: number; readonly reports: readonly ReceptionReport[] }
  | { readonly type: 'source-description'; readonly ssrc: number; readonly cname: string }
  | { readonly type: 'bye'; readonly ssrcs: readonly number[] }
  | { readonly type: 'nack'; readonly sender: number; readonly media: number; readonly sequences: readonly number[] }
  | { readonly type: 'picture-loss'; readonly sender: number; readonly media: number }
  | { readonly type: 'full-intra-request'; readonly sender: number; readonly ssrcs: readonly number[] }
  | { readonly type: 'bandwidth-estimate'; readonly sender: number; readonly bitsPerSecond: number; readonly ssrcs: readonly number[] };

/** Reads a datagram, compound or reduced-size (RFC 5506). Throws ProtocolError. */
export function readRtcp(bytes: Uint8Array): RtcpPacket[] {
  const packets: RtcpPacket[] = [];
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at] ?? 0;
    const end = at + 4 + u16(bytes, at + 2) * 4;
    if (first >> 6 !== 2 || end > bytes.length) throw new ProtocolError(`RTCP packet of version ${first >> 6} ends at ${end} of ${bytes.length} bytes`);
    const padding = first & 0x20 ? (bytes[end - 1] ?? 0) : 0;
    if (padding > end - at - 4) throw new ProtocolError(`RTCP padding of ${padding} exceeds its packet of ${end - at} bytes`);
    readOne(bytes[at + 1] ?? 0, first & 0x1f, bytes.subarray(at + 4, end - padding), packets);
    at = end;
  }
  return packets;
}

/** @param count the report count, source count or feedback format. */
function readOne(type: number, count: number, body: Uint8Array, packets: RtcpPacket[]): void {
  switch (type) {
    case RtcpType.senderReport:
      packets.push(readSenderReport(count, body));
      break;
    case RtcpType.receiverReport:
      demand(body, 4 + count * 24);
      packets.push({ type: 'receiver-report', ssrc: u32(body, 0), reports: readReports(body, 4, count) });
      break;
    case RtcpType.sourceDescription:
      readSourceDescription(count, body, packets);
      break;
    case RtcpType.bye:
      demand(body, count * 4);
      packets.push({ type: 'bye', ssrcs: readSsrcs(body, 0, count) });
      break;
    case RtcpType.transportFeedback:
      if (count === FeedbackFormat.nack) packets.push(readNack(body));
      break;
    case RtcpType.payloadFeedback:
      readPayloadFeedback(count, body, packets);
  }
}

function readSenderReport(count: number, body: Uint8Array): SenderReport {
  demand(body, 24 + count * 24);
  return {
    type: 'sender-report',
    ssrc: u32(body, 0),
    ntpMicros: readNtp(body, 4),
    middleNtp: u32(body, 6),
    rtpTimestamp: u32(body, 12),
    packets: u32(body, 16),
    octets: u32(body, 20),
    reports: readReports(body, 24, count),
  };
}

function readReports(body: Uint8Array, start: number, count: number): ReceptionReport[] {
  return Array.from({ length: count }, (_, i) => {
    const at = start + i * 24;
    return {
      ssrc: u32(body, at),
      fractionLost: body[at + 4] ?? 0,
      cumulativeLost: (u24(body, at + 5) << 8) >> 8,
      highestSequence: u32(body, at + 8),
      jitter: u32(body, at + 12),
      lastReport: u32(body, at + 16),
      delaySinceLastReport: u32(body, at + 20),
    };
  });
}

/** Chunks end with a zero item and begin on four bytes. Only the canonical name means anything here. */
function readSourceDescription(count: number, body: Uint8Array, packets: RtcpPacket[]): void {
  let at = 0;
  for (let i = 0; i < count; i++) {
    demand(body, at + 4);
    const ssrc = u32(body, at);
    at += 4;
    while (at < body.length && body[at] !== 0) {
      const length = body[at + 1] ?? 0;
      demand(body, at + 2 + length);
      if (body[at] === CNAME) packets.push({ type: 'source-description', ssrc, cname: ascii(body, at + 2, length) });
      at += 2 + length;
    }
    at = (Math.floor(at / 4) + 1) * 4;
  }
}

/** RFC 4585 §6.2.1: a sequence number and a mask of the sixteen after it. */
function readNack(body: Uint8Array): RtcpPacket {
  demand(body, 8);
  const sequences: number[] = [];
  for (let at = 8; at + 4 <= body.length && sequences.length < MAX_NACKED; at += 4) {
    const first = u16(body, at);
    sequences.push(first);
    let mask = u16(body, at + 2);
    for (let i = 1; mask !== 0; i++, mask >>= 1) if (mask & 1) sequences.push((first + i) & 0xffff);
  }
  return { type: 'nack', sender: u32(body, 0), media: u32(body, 4), sequences };
}

function readPayloadFeedback(format: number, body: Uint8Array, packets: RtcpPacket[]): void {
  demand(body, 8);
  const sender = u32(body, 0);
  if (format === FeedbackFormat.pictureLoss) packets.push({ type: 'picture-loss', sender, media: u32(body, 4) });
  if (format === FeedbackFormat.fullIntraRequest) {
    const ssrcs: number[] = [];
    for (let at = 8; at + 8 <= body.length; at += 8) ssrcs.push(u32(body, at));
    packets.push({ type: 'full-intra-request', sender, ssrcs });
  }
  if (format === FeedbackFormat.application && body.length >= 16 && ascii(body, 8, 4) === 'REMB') {
    const count = body[12] ?? 0;
    demand(body, 16 + count * 4);
    const exponent = (body[13] ?? 0) >> 2;
    packets.push({ type: 'bandwidth-estimate', sender, bitsPerSecond: (u24(body, 13) & 0x3_ffff) * 2 ** exponent, ssrcs: readSsrcs(body, 16, count) });
  }
}

function readSsrcs(body: Uint8Array, start: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => u32(body, start + i * 4));
}

function demand(body: Uint8Array, length: number): void {
  if (body.length < length) throw new ProtocolError(`RTCP packet of ${body.length} bytes lacks ${length - body.length}`);
}
