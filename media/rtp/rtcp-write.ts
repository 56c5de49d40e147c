/** Writes RTCP packets. A datagram is several of them, a report first: `concat(writeReceiverReport(…), writeCname(…))`. Sources as rtcp.ts. */
import { putU16, putU24, putU32 } from '../big-endian.ts';
import { putNtp } from './ntp.ts';
import { CNAME, FeedbackFormat, type ReceptionReport, RtcpType, type SenderReport } from './rtcp.ts';
import { sequenceDistance } from './sequence.ts';

/** The most reception blocks one report has room for: the count has five bits. */
const MAX_REPORTS = 31;

/** Bits after the first of a NACK entry. */
const MASK_BITS = 16;

export function writeSenderReport(report: Omit<SenderReport, 'type' | 'middleNtp'>): Uint8Array {
  const reports = report.reports.slice(0, MAX_REPORTS);
  const packet = begin(RtcpType.senderReport, reports.length, 24 + reports.length * 24);
  putU32(packet, 4, report.ssrc);
  putNtp(packet, 8, report.ntpMicros);
  putU32(packet, 16, report.rtpTimestamp);
  putU32(packet, 20, report.packets);
  putU32(packet, 24, report.octets);
  putReports(packet, 28, reports);
  return packet;
}

export function writeReceiverReport(ssrc: number, all: readonly ReceptionReport[]): Uint8Array {
  const reports = all.slice(0, MAX_REPORTS);
  const packet = begin(RtcpType.receiverReport, reports.length, 4 + reports.length * 24);
  putU32(packet, 4, ssrc);
  putReports(packet, 8, reports);
  return packet;
}

/** The canonical name, which is the same for all sources of one clock. At most 255 ASCII characters. */
export function writeCname(ssrc: number, cname: string): Uint8Array {
  const name = new TextEncoder().encode(cname).subarray(0, 255);
  const packet = begin(RtcpType.sourceDescription, 1, Math.ceil((4 + 2 + name.length + 1) / 4) * 4);
  putU32(packet, 4, ssrc);
  packet[8] = CNAME;
  packet[9] = name.length;
  packet.set(name, 10);
  return packet;
}

/** Asks for packets again. @param sequences in rising order. */
export function writeNack(sender: number, media: number, sequences: readonly number[]): Uint8Array {
  const entries: { readonly first: number; mask: number }[] = [];
  for (const sequence of sequences) {
    const entry = entries.at(-1);
    const distance = entry ? sequenceDistance(entry.first, sequence) : 0;
    if (entry && distance >= 1 && distance <= MASK_BITS) entry.mask |= 1 << (distance - 1);
    else entries.push({ first: sequence, mask: 0 });
  }
  const packet = feedback(RtcpType.transportFeedback, FeedbackFormat.nack, { sender, media, bytes: entries.length * 4 });
  for (const [i, { first, mask }] of entries.entries()) {
    putU16(packet, 12 + i * 4, first);
    putU16(packet, 14 + i * 4, mask);
  }
  return packet;
}

/** Asks for a key frame. */
export function writePictureLoss(sender: number, media: number): Uint8Array {
  return feedback(RtcpType.payloadFeedback, FeedbackFormat.pictureLoss, { sender, media, bytes: 0 });
}

/** Asks for a key frame of senders that know no PLI. @param request counts the requests, 8 bits. */
export function writeFullIntraRequest(sender: number, media: number, request: number): Uint8Array {
  const packet = feedback(RtcpType.payloadFeedback, FeedbackFormat.fullIntraRequest, { sender, media: 0, bytes: 8 });
  putU32(packet, 12, media);
  packet[16] = request;
  return packet;
}

/** Tells a sender what the way to us bears (REMB); browsers start no faster than about 300 kbit/s without. */
export function writeBandwidthEstimate(sender: number, bitsPerSecond: number, ssrcs: readonly number[]): Uint8Array {
  const packet = feedback(RtcpType.payloadFeedback, FeedbackFormat.application, { sender, media: 0, bytes: 8 + ssrcs.length * 4 });
  let exponent = 0;
  let mantissa = Math.floor(bitsPerSecond);
  while (mantissa > 0x3_ffff) {
    mantissa = Math.floor(mantissa / 2);
    exponent++;
  }
  packet.set(new TextEncoder().encode('REMB'), 12);
  packet[16] = ssrcs.length;
  putU24(packet, 17, exponent * 0x4_0000 + mantissa);
  for (const [i, ssrc] of ssrcs.entries()) putU32(packet, 20 + i * 4, ssrc);
  return packet;
}

export function writeBye(ssrcs: readonly number[]): Uint8Array {
  const sources = ssrcs.slice(0, MAX_REPORTS);
  const packet = begin(RtcpType.bye, sources.length, sources.length * 4);
  for (const [i, ssrc] of sources.entries()) putU32(packet, 4 + i * 4, ssrc);
  return packet;
}

function feedback(type: number, format: number, { sender, media, bytes }: { readonly sender: number; readonly media: number; readonly bytes: number }): Uint8Array {
  const packet = begin(type, format, 8 + bytes);
  putU32(packet, 4, sender);
  putU32(packet, 8, media);
  return packet;
}

/** @param bodyBytes a multiple of four. */
function begin(type: number, count: number, bodyBytes: number): Uint8Array {
  const packet = new Uint8Array(4 + bodyBytes);
  packet[0] = 0x80 | count;
  packet[1] = type;
  putU16(packet, 2, bodyBytes / 4);
  return packet;
}

function putReports(packet: Uint8Array, start: number, reports: readonly ReceptionReport[]): void {
  for (const [i, report] of reports.entries()) {
    const at = start + i * 24;
    putU32(packet, at, report.ssrc);
    packet[at + 4] = report.fractionLost;
    // RFC 3550 §6.4.1: the cumulative loss is signed and stays at its end.
    putU24(packet, at + 5, Math.max(-0x80_0000, Math.min(0x7f_ffff, report.cumulativeLost)));
    putU32(packet, at + 8, report.highestSequence);
    putU32(packet, at + 12, report.jitter);
    putU32(packet, at + 16, report.lastReport);
    putU32(packet, at + 20, report.delaySinceLastReport);
  }
}
