import { expect, test } from 'vitest';
import { PacketHistory, unwrapRetransmission, wrapRetransmission } from './history.ts';
import { RTP_HEADER_BYTES, readRtpPacket, writeRtpHeader } from './packet.ts';

function packet(sequence: number, marker = false): Uint8Array {
  const bytes = new Uint8Array(RTP_HEADER_BYTES + 3).fill(7);
  writeRtpHeader(bytes, { marker, payloadType: 96, sequence, timestamp: 1234, ssrc: 5 });
  return bytes;
}

test('a history keeps the newest packets, across the wrap', () => {
  const history = new PacketHistory(4);
  for (const sequence of [65_533, 65_534, 65_535, 0, 1]) history.add(packet(sequence));
  expect(history.get(65_533)).toBeUndefined();
  expect([65_534, 65_535, 0, 1].map((sequence) => readRtpPacket(history.get(sequence) ?? new Uint8Array(0)).sequence)).toEqual([65_534, 65_535, 0, 1]);
  expect(history.get(2)).toBeUndefined();
});

test('a retransmission brings back the packet it was made of', () => {
  const original = packet(65_535, true);
  const wrapped = wrapRetransmission(original, { ssrc: 9, payloadType: 97, sequence: 3 }) ?? new Uint8Array(0);
  const sent = readRtpPacket(wrapped);
  expect(sent).toMatchObject({ ssrc: 9, payloadType: 97, sequence: 3, marker: true, timestamp: 1234 });
  expect(unwrapRetransmission(sent, { ssrc: 5, payloadType: 96 })).toEqual(readRtpPacket(original));
});

test('what is no retransmission is not made one', () => {
  expect(unwrapRetransmission(readRtpPacket(packet(1).subarray(0, RTP_HEADER_BYTES + 2)), { ssrc: 5, payloadType: 96 })).toBeUndefined();
  expect(wrapRetransmission(packet(1).with(0, 0x90), { ssrc: 9, payloadType: 97, sequence: 3 })).toBeUndefined();
});
