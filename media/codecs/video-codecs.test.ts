/** Configurations as x264, x265, SVT-AV1 and libvpx make them. */
import { describe, expect, test } from 'vitest';
import { fuzz } from '../fuzzing.ts';
import { readAv1C, readAv1Size, withoutTemporalDelimiter } from './av1.ts';
import { isH264RandomAccess, readAvcC } from './h264.ts';
import { isHevcRandomAccess, readHvcC } from './hevc.ts';
import { annexBUnits, nalUnits, unescaped, withFourByteLengths } from './nal.ts';
import { readVp9Size, readVpcC } from './vp9.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

const BASELINE = hex('0142c01effe100196742c01eda0280bfe5c044000003000400000300f03c58ba8001000468ce3c80');
const HIGH_1080 = hex('01640028ffe1001b67640028acd940780227e5c044000003000400000300f03c60c65801000668ebe3cb22c0fdf8f800');
const HEVC = hex(
  '0101600000009000000000003ff000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003003f959409210001002b42010101600000030090000003000003003fa005020171f2e595952930bc05a020000003002000000303c122000100064401c073c189',
);
const AV1 = hex('81010c000a0b0000000cc4ff6700be0010');
const AV1_SAMPLE = hex('12000a0b0000000cc4ff6712be401032');
const VP9 = hex('010000000015820202020000');
const VP9_KEY_FRAME = hex('824983420027f016760838241c18');

describe('H.264', () => {
  test('tells size and codec from avcC, cropping included', () => {
    expect(readAvcC(BASELINE)).toMatchObject({ codecString: 'avc1.42c01e', width: 640, height: 360, lengthBytes: 4, reordersNothing: true });
    expect(readAvcC(HIGH_1080)).toMatchObject({ codecString: 'avc1.640028', width: 1920, height: 1080, reordersNothing: false });
  });

  test('writes four-byte lengths into a configuration of shorter ones', () => {
    const short = BASELINE.with(4, 0xfd);
    expect(readAvcC(short)).toMatchObject({ lengthBytes: 2, config: BASELINE });
  });

  test('knows where decoding can begin', () => {
    const sample = (...nals: readonly (readonly number[])[]) => Uint8Array.from(nals.flatMap((nal) => [0, 0, 0, nal.length, ...nal]));
    const isKey = (bytes: Uint8Array) => isH264RandomAccess(bytes, nalUnits(bytes, 4) ?? []);
    expect(isKey(sample([0x09, 0xf0], [0x65, 1]))).toBe(true);
    expect(isKey(sample([0x06, 6, 1, 0x80], [0x41, 1]))).toBe(true);
    expect(isKey(sample([0x06, 5, 1, 0x80], [0x41, 1]))).toBe(false);
    expect(isKey(sample([0x67, 1]))).toBeUndefined();
  });

  test('throws nothing but ProtocolError', () => fuzz(readAvcC, [BASELINE, HIGH_1080]));
});

describe('HEVC', () => {
  test('tells size and codec from hvcC', () => {
    expect(readHvcC(HEVC)).toMatchObject({ codecString: 'hvc1.1.6.L63.90', width: 640, height: 360, lengthBytes: 4, config: HEVC });
  });

  test('knows where decoding can begin', () => {
    const isKey = (...nal: readonly number[]) => isHevcRandomAccess(Uint8Array.from(nal), [{ begin: 0, end: nal.length }]);
    expect(isKey(19 << 1, 1)).toBe(true);
    expect(isKey(21 << 1, 1)).toBe(true);
    expect(isKey(1 << 1, 1)).toBe(false);
    expect(isKey(33 << 1, 1)).toBeUndefined();
  });

  test('throws nothing but ProtocolError', () => fuzz(readHvcC, [HEVC]));
});

describe('AV1', () => {
  test('tells size and codec from av1C, and the size from a key frame', () => {
    expect(readAv1C(AV1)).toMatchObject({ codecString: 'av01.0.01M.08', width: 640, height: 360 });
    expect(readAv1C(AV1.subarray(0, 4))).toMatchObject({ width: 0, height: 0 });
    expect(readAv1Size(AV1_SAMPLE.subarray(0, 15))).toEqual({ width: 640, height: 360 });
  });

  test('samples lose their temporal delimiter', () => {
    expect(withoutTemporalDelimiter(AV1_SAMPLE)).toEqual(AV1_SAMPLE.subarray(2));
    expect(withoutTemporalDelimiter(AV1_SAMPLE.subarray(2))).toEqual(AV1_SAMPLE.subarray(2));
  });

  test('throws nothing but ProtocolError', () => {
    fuzz(readAv1C, [AV1]);
    fuzz(readAv1Size, [AV1_SAMPLE]);
    fuzz(withoutTemporalDelimiter, [AV1_SAMPLE]);
  });
});

describe('VP9', () => {
  test('tells the codec from vpcC with and without its version, and the size from a key frame', () => {
    expect(readVpcC(VP9)).toEqual({ codecString: 'vp09.00.21.08', config: VP9 });
    expect(readVpcC(VP9.subarray(4))).toEqual(readVpcC(VP9));
    expect(readVp9Size(VP9_KEY_FRAME)).toEqual({ width: 640, height: 360 });
    expect(readVp9Size(VP9_KEY_FRAME.with(0, 0x86))).toBeUndefined();
  });

  test('throws nothing but ProtocolError', () => {
    fuzz(readVpcC, [VP9]);
    fuzz(readVp9Size, [VP9_KEY_FRAME]);
  });
});

describe('NAL units', () => {
  test('are found behind lengths, and lengths that do not fit are noticed', () => {
    expect(nalUnits(hex('00020101 0000 000102'), 2)).toEqual([
      { begin: 2, end: 4 },
      { begin: 8, end: 9 },
    ]);
    expect(nalUnits(hex('00000005 0101'), 4)).toBeUndefined();
  });

  test('are found between start codes and reframed', () => {
    const bytes = hex('00000001 6742 000001 65880100');
    const units = annexBUnits(bytes) ?? [];
    expect(withFourByteLengths(bytes, units)).toEqual(hex('00000002 6742 00000003 658801'));
    expect(annexBUnits(hex('01000001 65'))).toBeUndefined();
  });

  test('lose their emulation prevention', () => {
    expect(unescaped(hex('000003000003 01 0003'))).toEqual(hex('00000000 01 0003'));
  });

  test('throw nothing', () => {
    fuzz((bytes) => nalUnits(bytes, 4), [hex('00000002 6742 00000003 658801')]);
    fuzz((bytes) => annexBUnits(bytes), [hex('00000001 6742 000001 65880100')]);
  });
});
