import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { u16 } from '../big-endian.ts';
import { parameterSetsOfAvcC, writeAvcC } from '../codecs/h264-parameter-sets.ts';
import { fuzz } from '../fuzzing.ts';
import { FrameAssembler } from './depacketizer.ts';
import { H264Builder } from './h264-builder.ts';
import { H264Packetizer } from './h264-packetizer.ts';
import { sampleOf } from './nal-pieces.ts';
import { carry, type TestUnit } from './testing/carry.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

const BASELINE = hex('0142c01effe100196742c01eda0280bfe5c044000003000400000300f03c58ba8001000468ce3c80');
const HIGH = hex('01640028ffe1001b67640028acd940780227e5c044000003000400000300f03c60c65801000668ebe3cb22c0fdf8f800');

/** A slice of `bytes` bytes; the first of its picture has the head bit of first_mb_in_slice. */
function slice(type: number, bytes: number, first = true): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (i === 0 ? 0x60 | type : i === 1 ? (first ? 0x88 : 0x22) : (i * 7) % 251));
}

const key = (...sizes: readonly number[]): TestUnit => ({ key: true, data: sampleOf(sizes.map((size, i) => slice(5, size, i === 0))) });
const delta = (...sizes: readonly number[]): TestUnit => ({ key: false, data: sampleOf(sizes.map((size, i) => slice(1, size, i === 0))) });

const payloads = (unit: TestUnit, maxPayloadBytes = 100) => new H264Packetizer(BASELINE, { maxPayloadBytes }).packetize(unit).map((packet) => packet.subarray(12));
const assembler = () => new FrameAssembler(new H264Builder());

describe('avcC', () => {
  test.each([BASELINE, HIGH])('is made of its parameter sets again', (avcC) => {
    expect(writeAvcC(parameterSetsOfAvcC(avcC))).toEqual(avcC);
  });

  test('throws nothing but ProtocolError', () => fuzz((bytes) => writeAvcC(parameterSetsOfAvcC(bytes)), [BASELINE, HIGH]));
});

describe('H.264 over RTP', () => {
  test('carries slices of any size in packets of any size', () => {
    const sizes = fc.array(fc.integer({ min: 2, max: 700 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(sizes, { maxLength: 5 }), fc.integer({ min: 64, max: 1200 }), fc.constantFrom(BASELINE, HIGH), (pictures, maxPayloadBytes, avcC) => {
        const units = [key(30), ...pictures.map((picture) => delta(...picture)), key(...(pictures[0] ?? [9]))];
        const depacketizer = assembler();
        const frames = carry(units, { packetizer: new H264Packetizer(avcC, { maxPayloadBytes }), depacketizer, maxPayloadBytes });
        expect(frames).toEqual(units.map((unit, timestamp) => ({ ...unit, timestamp, afterLoss: false })));
        expect(depacketizer.format?.config).toEqual(avcC);
      }),
      { seed: 20_261_123 },
    );
  });

  test('puts parameter sets before a key frame, together with it where they fit', () => {
    const [first, ...rest] = payloads(key(20));
    expect(rest).toHaveLength(0);
    expect((first?.[0] ?? 0) & 0x1f).toBe(24);
    expect(payloads(key(400)).map(([header = 0]) => header & 0x1f)).toEqual([24, 28, 28, 28, 28, 28]);
  });

  test('does not repeat parameter sets that the key frame brings', () => {
    const { sps, pps } = parameterSetsOfAvcC(BASELINE);
    const packets = payloads({ key: true, data: sampleOf([...sps, ...pps, slice(5, 20)]) });
    expect(packets).toHaveLength(1);
    expect(packets[0]).toEqual(payloads(key(20))[0]);
  });

  test('marks the first and the last fragment (RFC 6184 §5.8)', () => {
    const fragments = payloads(delta(250));
    expect(fragments.map(([, header]) => header)).toEqual([0x81, 0x01, 0x41]);
    expect(fragments.map(([indicator]) => indicator)).toEqual([0x7c, 0x7c, 0x7c]);
  });

  test('leaves access unit delimiters and filler data behind', () => {
    const data = sampleOf([hex('09f0'), slice(1, 30), hex('0cffff80')]);
    expect(payloads({ key: false, data })).toEqual([slice(1, 30)]);
  });

  test('tells a new configuration in band from the key frame on', () => {
    const depacketizer = assembler();
    carry([key(30)], { packetizer: new H264Packetizer(BASELINE), depacketizer });
    const before = depacketizer.format;
    expect(before).toMatchObject({ codec: 'h264', codecString: 'avc1.42c01e', width: 640, height: 360 });
    carry([delta(30), key(30)], { packetizer: new H264Packetizer(BASELINE), depacketizer });
    expect(depacketizer.format).toBe(before);
    carry([key(30)], { packetizer: new H264Packetizer(HIGH), depacketizer });
    expect(depacketizer.format).toMatchObject({ codecString: 'avc1.640028', width: 1920, height: 1080, config: HIGH });
  });

  test('returns no frame before it has a configuration', () => {
    const depacketizer = assembler();
    const packetizer = new H264Packetizer(BASELINE);
    expect(carry([delta(40), delta(50)], { packetizer, depacketizer })).toEqual([]);
    expect(carry([key(40)], { packetizer, depacketizer })).toHaveLength(1);
    const known = new FrameAssembler(new H264Builder(parameterSetsOfAvcC(BASELINE).sps.concat(parameterSetsOfAvcC(BASELINE).pps)));
    expect(carry([delta(40)], { packetizer, depacketizer: known })).toHaveLength(1);
  });

  test('drops what is damaged, keeps what is whole, and says that something was lost', () => {
    const units = [key(20), delta(20), delta(400), delta(30), delta(40)];
    const depacketizer = assembler();
    const frames = carry(units, { packetizer: new H264Packetizer(BASELINE, { maxPayloadBytes: 100 }), depacketizer, isLost: (packet) => packet === 3 });
    expect(frames.map(({ timestamp, afterLoss }) => [timestamp, afterLoss])).toEqual([
      [0, false],
      [1, false],
      [3, true],
      [4, false],
    ]);
    expect(depacketizer.damaged).toBe(1);
  });

  test('keeps a frame that begins right after a loss, when its first packet shows that it is the first', () => {
    const units = [key(20), delta(20), delta(20, 20), delta(200), key(20)];
    const lossless = (lost: number) =>
      carry(units, { packetizer: new H264Packetizer(BASELINE, { maxPayloadBytes: 100 }), depacketizer: assembler(), isLost: (packet) => packet === lost }).map(
        ({ timestamp }) => timestamp,
      );
    expect(lossless(1)).toEqual([0, 2, 3, 4]);
    expect(lossless(2)).toEqual([0, 1, 3, 4]);
    expect(lossless(5)).toEqual([0, 1, 2, 4]);
  });

  test('never takes half a frame for a whole one, whatever is lost', () => {
    const isLost = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 });
    const units = [key(150), delta(90, 90), delta(20), delta(300, 40), key(60), delta(10)];
    fc.assert(
      fc.property(isLost, (lost) => {
        const frames = carry(units, { packetizer: new H264Packetizer(BASELINE, { maxPayloadBytes: 70 }), depacketizer: assembler(), isLost: (packet) => lost[packet] ?? false });
        for (const { timestamp, data, key: isKey } of frames) expect({ data, key: isKey }).toEqual(units[timestamp]);
      }),
      { seed: 20_261_124, numRuns: 500 },
    );
  });

  test('ends a frame by the next timestamp when the sender sets no marker', () => {
    const depacketizer = new FrameAssembler(new H264Builder([...parameterSetsOfAvcC(BASELINE).sps, ...parameterSetsOfAvcC(BASELINE).pps]));
    expect(depacketizer.push({ payload: slice(1, 20), marker: false, timestamp: 1 }, false)).toEqual([]);
    expect(depacketizer.push({ payload: slice(1, 30), marker: false, timestamp: 2 }, false)).toMatchObject([{ timestamp: 1, data: sampleOf([slice(1, 20)]) }]);
  });

  test('passes over empty packets, but not over a loss before one', () => {
    const depacketizer = new FrameAssembler(new H264Builder([...parameterSetsOfAvcC(BASELINE).sps, ...parameterSetsOfAvcC(BASELINE).pps]));
    expect(depacketizer.push({ payload: new Uint8Array(0), marker: false, timestamp: 1 }, true)).toEqual([]);
    expect(depacketizer.push({ payload: slice(1, 20, false), marker: true, timestamp: 1 }, false)).toEqual([]);
    expect(depacketizer.damaged).toBe(1);
  });

  test('throws nothing, whatever comes', () => {
    const samples = [...payloads(key(200)), ...payloads(delta(20, 20))];
    fuzz((bytes) => {
      const depacketizer = assembler();
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const length = Math.min(bytes.length - at, (u16(bytes, at) % 60) + 1);
        depacketizer.push({ payload: bytes.subarray(at, at + length), marker: i % 3 === 2, timestamp: i >> 2 }, i % 5 === 4);
        at += length;
      }
      const whole = assembler();
      whole.push({ payload: bytes, marker: true, timestamp: 0 }, false);
      new H264Packetizer(BASELINE).packetize({ data: bytes, key: true });
    }, samples);
  });
});
