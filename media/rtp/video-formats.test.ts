/** HEVC, VP8, VP9 and AV1 over RTP: what all of them must do, and what each does in its own way. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, u16 } from '../big-endian.ts';
import { putLeb128, readAv1C, readObus } from '../codecs/av1.ts';
import { hvcCSets, readHvcC } from '../codecs/hevc.ts';
import { writeHvcC } from '../codecs/hevc-parameter-sets.ts';
import { readVp8KeyFrame } from '../codecs/vp8.ts';
import { readVp9KeyFrame, writeVpcC } from '../codecs/vp9.ts';
import { fuzz } from '../fuzzing.ts';
import { type Frame, MAX_FRAME_PACKETS } from './depacketizer.ts';
import { depacketizerFor, packetizerFor } from './formats.ts';
import { sampleOf } from './nal-pieces.ts';
import type { PacketizerOptions } from './packetizer.ts';
import { carry, type TestUnit } from './testing/carry.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const noise = (bytes: number) => Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + 3) % 251);

const HVCC = hex(
  '0101600000009000000000003ff000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003003f959409210001002b42010101600000030090000003000003003fa005020171f2e595952930bc05a020000003002000000303c122000100064401c073c189',
);
const AV1C = hex('81010c000a0b0000000cc4ff6712be4010');
const AV1_SEQUENCE = hex('0a0b0000000cc4ff6712be4010');
const VP9_KEY = hex('824983420027f016760838241c18');
const VP8_KEY = hex('500100 9d012a 8002 6801');

type Codec = 'hevc' | 'vp8' | 'vp9' | 'av1';

function obu(type: number, payload: Uint8Array): Uint8Array {
  const size = new Uint8Array(4);
  return concat(Uint8Array.of((type << 3) | 2), size.subarray(0, putLeb128(size, 0, payload.length)), payload);
}

const hevcSlice = (type: number, bytes: number, first: boolean) => concat(Uint8Array.of(type << 1, 1, first ? 0x80 : 0x10), noise(bytes));

/** A unit of the codec, with frames of given sizes where it has several. */
const UNITS: Readonly<Record<Codec, (key: boolean, sizes: readonly number[]) => Uint8Array>> = {
  hevc: (key, sizes) => sampleOf(sizes.map((size, i) => hevcSlice(key ? 19 : 1, size, i === 0))),
  vp8: (key, sizes) => concat(key ? VP8_KEY : hex('310100'), noise(sizes[0] ?? 0)),
  vp9: (key, sizes) => concat(key ? VP9_KEY : hex('8601'), noise(sizes[0] ?? 0)),
  av1: (key, sizes) => concat(...(key ? [AV1_SEQUENCE] : []), ...sizes.map((size, i) => obu(i === 0 ? 6 : 4, concat(Uint8Array.of(key ? 0x10 : 0x30), noise(size))))),
};

const CONFIGS: Readonly<Record<Codec, Uint8Array>> = { hevc: HVCC, vp8: new Uint8Array(0), vp9: new Uint8Array(0), av1: AV1C };
const CODECS: readonly Codec[] = ['hevc', 'vp8', 'vp9', 'av1'];

function packetizer(codec: Codec, options: PacketizerOptions = {}) {
  const made = packetizerFor({ codec, config: CONFIGS[codec] }, options);
  if (!made) throw new Error(`no packetizer for ${codec}`);
  return made;
}

function unit(codec: Codec, key: boolean, ...sizes: readonly number[]): TestUnit {
  return { key, data: UNITS[codec](key, sizes) };
}

function payloads(codec: Codec, one: TestUnit, maxPayloadBytes = 100): Uint8Array[] {
  return packetizer(codec, { maxPayloadBytes })
    .packetize(one)
    .map((packet) => packet.subarray(12));
}

/** Payloads as packets of one frame. */
function frameOf(codec: Codec, ...pieces: readonly Uint8Array[]): readonly Frame[] {
  const depacketizer = depacketizerFor(codec);
  return pieces.flatMap((payload, i) => depacketizer.push({ payload, marker: i === pieces.length - 1, timestamp: 0 }, false));
}

describe.each(CODECS)('%s over RTP', (codec) => {
  test('carries units of any size in packets of any size', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(sizes, { maxLength: 5 }), fc.integer({ min: 64, max: 1200 }), (pictures, maxPayloadBytes) => {
        const units = [unit(codec, true, 30), ...pictures.map((picture) => unit(codec, false, ...picture)), unit(codec, true, ...(pictures[0] ?? [9]))];
        const frames = carry(units, { packetizer: packetizer(codec, { maxPayloadBytes }), depacketizer: depacketizerFor(codec), maxPayloadBytes });
        expect(frames).toEqual(units.map((one, timestamp) => ({ ...one, timestamp, afterLoss: false })));
      }),
      { seed: 20_261_130 },
    );
  });

  test('never takes half a frame for a whole one, whatever is lost, and says that something was', () => {
    const units = [unit(codec, true, 150), unit(codec, false, 90, 90), unit(codec, false, 20), unit(codec, false, 300, 40), unit(codec, true, 60), unit(codec, false, 10)];
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (lost) => {
        const isLost = (packet: number) => packet > 0 && (lost[packet] ?? false);
        const frames = carry(units, { packetizer: packetizer(codec, { maxPayloadBytes: 70 }), depacketizer: depacketizerFor(codec), isLost });
        let last = -1;
        for (const { timestamp, data, key, afterLoss } of frames) {
          expect({ data, key }).toEqual(units[timestamp]);
          if (last !== -1) expect(afterLoss || timestamp === last + 1).toBe(true);
          last = timestamp;
        }
      }),
      { seed: 20_261_131, numRuns: 500 },
    );
  });

  test('tells the format with the first key frame, and returns nothing before it', () => {
    const depacketizer = depacketizerFor(codec);
    const options = { packetizer: packetizer(codec), depacketizer };
    expect(carry([unit(codec, false, 40)], options)).toEqual([]);
    expect(depacketizer.format).toBeUndefined();
    expect(carry([unit(codec, true, 40)], options)).toHaveLength(1);
    expect(depacketizer.format).toMatchObject({ codec, width: 640, height: 360 });
    const { format } = depacketizer;
    carry([unit(codec, true, 40), unit(codec, false, 4)], options);
    expect(depacketizer.format).toBe(format);
  });

  test('throws nothing, whatever comes', () => {
    const samples = [...payloads(codec, unit(codec, true, 200)), ...payloads(codec, unit(codec, false, 20, 20))];
    fuzz(
      (bytes) => {
        const depacketizer = depacketizerFor(codec);
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const length = Math.min(bytes.length - at, (u16(bytes, at) % 60) + 1);
          depacketizer.push({ payload: bytes.subarray(at, at + length), marker: i % 3 === 2, timestamp: i >> 2 }, i % 5 === 4);
          at += length;
        }
        frameOf(codec, bytes);
        packetizer(codec).packetize({ data: bytes, key: true });
      },
      [...samples, concat(...samples.map((sample) => sample.subarray(0, 20)))],
    );
  });
});

describe('a frame without end', () => {
  /** What begins a frame of each codec and what goes on with it for ever, in packets as small as they can be. */
  const ENDLESS: Readonly<Record<Codec | 'h264', readonly [first: Uint8Array, next: Uint8Array]>> = {
    h264: [hex('7c8588'), hex('7c0500')],
    hevc: [hex('62019380'), hex('62011300')],
    vp8: [concat(hex('10'), VP8_KEY), hex('0000')],
    vp9: [concat(hex('08'), VP9_KEY), hex('0000')],
    av1: [hex('480130'), hex('c00100')],
  };

  test.each([...CODECS, 'h264'] as const)('of %s is given up, and the next frame is not harmed', (codec) => {
    const [first, next] = ENDLESS[codec];
    const depacketizer = depacketizerFor(codec);
    depacketizer.push({ payload: first, marker: false, timestamp: 0 }, false);
    let returned = 0;
    for (let i = 0; i < MAX_FRAME_PACKETS * 10; i++) returned += depacketizer.push({ payload: next, marker: false, timestamp: 0 }, false).length;
    expect(returned).toBe(0);
    expect(depacketizer.push({ payload: next, marker: true, timestamp: 0 }, false)).toEqual([]);
    expect(depacketizer.damaged).toBe(1);
    if (codec === 'h264') return;
    const frames = payloads(codec, unit(codec, true, 20)).flatMap((payload, i, all) => depacketizer.push({ payload, marker: i === all.length - 1, timestamp: 1 }, false));
    expect(frames).toMatchObject([{ key: true, afterLoss: true }]);
  });
});

describe('HEVC', () => {
  test('makes hvcC of parameter sets', () => {
    const [vps, sps, pps] = hvcCSets(HVCC);
    const made = writeHvcC({ vps: vps ? [vps] : [], sps: sps ? [sps] : [], pps: pps ? [pps] : [] });
    expect(hvcCSets(made)).toEqual(hvcCSets(HVCC));
    expect(made.subarray(0, 23)).toEqual(HVCC.subarray(0, 23));
    expect(readHvcC(made)).toMatchObject({ codecString: 'hvc1.1.6.L63.90', width: 640, height: 360 });
  });

  test('puts parameter sets before a key frame, in one packet where they fit', () => {
    expect(payloads('hevc', unit('hevc', true, 20), 1_000).map(([first = 0]) => first >> 1)).toEqual([48]);
    expect(payloads('hevc', unit('hevc', false, 250)).map(([, , header]) => header)).toEqual([0x81, 0x01, 0x41]);
  });
});

describe('VP8', () => {
  test('reads descriptors with and without extensions, and refuses another partition as a beginning', () => {
    const [frame] = frameOf('vp8', concat(hex('90 80 11'), VP8_KEY, noise(9)));
    expect(frame).toMatchObject({ key: true, data: concat(VP8_KEY, noise(9)) });
    expect(frameOf('vp8', concat(hex('10'), VP8_KEY))).toHaveLength(1);
    expect(frameOf('vp8', concat(hex('90 f0 81 23 45 60'), VP8_KEY))).toMatchObject([{ data: VP8_KEY }]);
    expect(frameOf('vp8', concat(hex('11'), VP8_KEY))).toEqual([]);
  });

  test('counts pictures', () => {
    const vp8 = packetizerFor({ codec: 'vp8', config: new Uint8Array(0) });
    const ids = [1, 2].map(() => vp8?.packetize(unit('vp8', true, 3))[0]?.subarray(14, 16));
    expect(ids).toEqual([hex('8000'), hex('8001')]);
  });

  test('knows key frames and their size', () => {
    expect(readVp8KeyFrame(VP8_KEY)).toEqual({ width: 640, height: 360 });
    expect(readVp8KeyFrame(VP8_KEY.with(0, 0x51))).toBeUndefined();
  });
});

describe('VP9', () => {
  test('keeps the lowest of several spatial layers, in the mode that is not flexible', () => {
    const base = concat(hex('ae 8001 00 01 18 0280 0168 01 04 01'), VP9_KEY);
    const above = concat(hex('ec 8001 03 01'), noise(30));
    expect(frameOf('vp9', base, above)).toMatchObject([{ key: true, data: VP9_KEY }]);
  });

  test('passes over references of the flexible mode', () => {
    const key = payloads('vp9', unit('vp9', true, 5));
    const delta = concat(hex('dc 8002 03 05 08'), hex('8601'), noise(5));
    const depacketizer = depacketizerFor('vp9');
    for (const payload of key) depacketizer.push({ payload, marker: true, timestamp: 0 }, false);
    expect(depacketizer.push({ payload: delta, marker: true, timestamp: 1 }, false)).toMatchObject([{ key: false, data: concat(hex('8601'), noise(5)) }]);
  });

  test('makes vpcC of a key frame', () => {
    const header = readVp9KeyFrame(VP9_KEY);
    expect(header).toMatchObject({ profile: 0, bitDepth: 8, chroma: 1, width: 640, height: 360 });
    expect(header && writeVpcC(header)).toEqual(hex('010000000015820202020000'));
  });
});

describe('AV1', () => {
  test('begins a sequence with a mark and its header, taken from the configuration when the unit lacks it', () => {
    const bare = { key: true, data: obu(6, concat(Uint8Array.of(0x10), noise(20))) };
    const [payload = new Uint8Array(0)] = payloads('av1', bare);
    expect(payload[0]).toBe(0x08);
    expect(frameOf('av1', payload)).toMatchObject([{ key: true, data: concat(AV1_SEQUENCE, bare.data) }]);
  });

  test('leaves temporal delimiters and padding behind', () => {
    const data = concat(hex('1200'), UNITS.av1(true, [20]), obu(15, noise(9)));
    expect(frameOf('av1', ...payloads('av1', { key: true, data }))).toMatchObject([{ data: UNITS.av1(true, [20]) }]);
  });

  test('reads elements whose number is told, the last without a size', () => {
    const sequence = hex('080000000cc4ff6712be4010');
    const frame = concat(hex('30 10'), noise(20));
    const payload = concat(hex('28 0c'), sequence, frame);
    expect(frameOf('av1', payload)).toMatchObject([{ key: true, data: UNITS.av1(true, [20]) }]);
    expect(frameOf('av1', concat(hex('38 0c'), sequence, frame))).toEqual([]);
  });

  test('makes av1C of the sequence header', () => {
    const depacketizer = depacketizerFor('av1');
    carry([unit('av1', true, 20)], { packetizer: packetizer('av1'), depacketizer });
    expect(depacketizer.format?.config).toEqual(AV1C);
    expect(depacketizer.format?.codecString).toBe(readAv1C(AV1C).codecString);
    expect(readObus(AV1_SEQUENCE)).toHaveLength(1);
  });
});
