import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat } from '../big-endian.ts';
import { fuzz } from '../fuzzing.ts';
import { middleNtp, ntpMicrosOf, roundTripMs } from './ntp.ts';
import { type ReceptionReport, readRtcp } from './rtcp.ts';
import { writeBandwidthEstimate, writeBye, writeCname, writeFullIntraRequest, writeNack, writePictureLoss, writeReceiverReport, writeSenderReport } from './rtcp-write.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

const u32 = fc.nat(0xffffffff);
const anyReport: fc.Arbitrary<ReceptionReport> = fc.record({
  ssrc: u32,
  fractionLost: fc.nat(255),
  cumulativeLost: fc.integer({ min: -0x80_0000, max: 0x7f_ffff }),
  highestSequence: u32,
  jitter: u32,
  lastReport: u32,
  delaySinceLastReport: u32,
});
const reports = fc.array(anyReport, { maxLength: 4 });

const NTP = ntpMicrosOf(1_795_237_200_123.456);

describe('RTCP', () => {
  test('carries reports in a compound packet', () => {
    fc.assert(
      fc.property(u32, reports, u32, (ssrc, blocks, rtpTimestamp) => {
        const report = { ssrc, ntpMicros: NTP, rtpTimestamp, packets: 7, octets: 9000, reports: blocks };
        const packets = readRtcp(concat(writeSenderReport(report), writeReceiverReport(ssrc, blocks), writeCname(ssrc, 'a name'), writeBye([ssrc, 1])));
        expect(packets).toEqual([
          { type: 'sender-report', ...report, middleNtp: middleNtp(NTP) },
          { type: 'receiver-report', ssrc, reports: blocks },
          { type: 'source-description', ssrc, cname: 'a name' },
          { type: 'bye', ssrcs: [ssrc, 1] },
        ]);
      }),
    );
  });

  test('names lost packets in few words, across the wrap', () => {
    const sequences = [65_530, 65_531, 65_535, 0, 10, 11, 400];
    const bytes = writeNack(1, 2, sequences);
    expect(bytes).toHaveLength(12 + 3 * 4);
    expect(readRtcp(bytes)).toEqual([{ type: 'nack', sender: 1, media: 2, sequences }]);
  });

  test('asks for key frames both ways', () => {
    expect(readRtcp(writePictureLoss(1, 2))).toEqual([{ type: 'picture-loss', sender: 1, media: 2 }]);
    expect(readRtcp(writeFullIntraRequest(1, 2, 3))).toEqual([{ type: 'full-intra-request', sender: 1, ssrcs: [2] }]);
  });

  test.each([0, 300_000, 262_143, 4_000_000_000])('tells a bandwidth of %i bit/s within its precision', (bitsPerSecond) => {
    const [packet] = readRtcp(writeBandwidthEstimate(1, bitsPerSecond, [2, 3]));
    expect(packet).toMatchObject({ type: 'bandwidth-estimate', ssrcs: [2, 3] });
    const told = packet?.type === 'bandwidth-estimate' ? packet.bitsPerSecond : Number.NaN;
    expect(bitsPerSecond - told).toBeGreaterThanOrEqual(0);
    expect(bitsPerSecond - told).toBeLessThanOrEqual(bitsPerSecond / 0x1_0000);
  });

  test('passes over kinds it does not know, and padding', () => {
    const transportWide = hex('8fcd0002 00000001 00000002');
    const padded = hex('a1ce0003 00000001 00000002 00000004');
    expect(readRtcp(concat(transportWide, padded))).toEqual([{ type: 'picture-loss', sender: 1, media: 2 }]);
  });

  test.each(['81c9000100000001', '80c80001', '40c9000100000001', 'a0c900010000000009', '81cb0000', '81ce0001 00000001'])('is refused when it is damaged: %s', (bytes) => {
    expect(() => readRtcp(hex(bytes))).toThrow(/RTCP/);
  });

  test('throws nothing but ProtocolError, and never more than it could hold', () => {
    const nack = writeNack(1, 2, [1, 2, 3, 900]);
    const report = writeSenderReport({ ssrc: 1, ntpMicros: NTP, rtpTimestamp: 2, packets: 3, octets: 4, reports: [] });
    fuzz((bytes) => expect(readRtcp(bytes).length).toBeLessThanOrEqual(bytes.length), [nack, concat(report, writeCname(1, 'x')), writeBandwidthEstimate(1, 5_000_000, [2])]);
  });
});

describe('NTP time', () => {
  test('survives its 64 bits to the microsecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff * 1_000_000 }), (ntpMicros) => {
        const bytes = writeSenderReport({ ssrc: 1, ntpMicros, rtpTimestamp: 0, packets: 0, octets: 0, reports: [] });
        const [packet] = readRtcp(bytes);
        expect(packet?.type === 'sender-report' && Math.abs(packet.ntpMicros - ntpMicros) <= 1).toBe(true);
      }),
    );
  });

  test('tells the round trip', () => {
    const block = { lastReport: middleNtp(NTP), delaySinceLastReport: 0x8000 };
    expect(roundTripMs(block, NTP + 580_000)).toBeCloseTo(80, 0);
    expect(roundTripMs(block, NTP + 400_000)).toBeUndefined();
    expect(roundTripMs({ ...block, lastReport: 0 }, NTP)).toBeUndefined();
  });
});
