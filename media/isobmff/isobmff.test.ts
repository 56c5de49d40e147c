/** What is written is read back the same; what is not ours is refused without harm. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat } from '../big-endian.ts';
import type { AudioTrack, Track, VideoTrack } from '../track.ts';
import { type ChunkInput, writeChunkHead } from './chunk.ts';
import { writeInitSegment } from './init-segment.ts';
import { BoxError, findBox, readBoxes, readSamples } from './read.ts';

const VIDEO: VideoTrack = { id: 1, kind: 'video', codec: 'h264', timescale: 90_000, config: Uint8Array.of(1, 100, 0, 31), codecString: 'avc1.64001f', width: 640, height: 360 };
const AUDIO: AudioTrack = { id: 2, kind: 'audio', codec: 'aac', timescale: 48_000, config: Uint8Array.of(0x11, 0x90), codecString: 'mp4a.40.2', sampleRate: 48_000, channels: 2 };

const writeChunk = (input: ChunkInput): Uint8Array => concat(writeChunkHead(input), ...input.units.map((unit) => unit.data));

const ENTRIES: readonly (readonly [Track, string, string | undefined])[] = [
  [VIDEO, 'avc1', 'avcC'],
  [{ ...VIDEO, codec: 'hevc' }, 'hvc1', 'hvcC'],
  [{ ...VIDEO, codec: 'av1' }, 'av01', 'av1C'],
  [{ ...VIDEO, codec: 'vp9' }, 'vp09', 'vpcC'],
  [AUDIO, 'mp4a', 'esds'],
  [{ ...AUDIO, codec: 'mp3' }, 'mp4a', 'esds'],
  [{ ...AUDIO, codec: 'opus' }, 'Opus', 'dOps'],
  [{ ...AUDIO, codec: 'flac' }, 'fLaC', 'dfLa'],
  [{ ...AUDIO, codec: 'ac3' }, 'ac-3', 'dac3'],
  [{ ...AUDIO, codec: 'eac3' }, 'ec-3', 'dec3'],
];

describe('init segment', () => {
  test.each(ENTRIES)('of $codec has its sample entry and configuration', (track, type, config) => {
    const init = writeInitSegment(track);
    expect(init && readBoxes(init).map((box) => box.type)).toEqual(['ftyp', 'moov']);
    const [entry] = readBoxes((init && findBox(init, 'moov/trak/mdia/minf/stbl/stsd'))?.subarray(8) ?? new Uint8Array());
    expect(entry?.type).toBe(type);
    const inner = readBoxes(entry?.content.subarray(track.kind === 'video' ? 78 : 28) ?? new Uint8Array());
    expect(inner[0]?.type).toBe(config);
  });

  test('is not made for a codec without a place in CMAF', () => {
    expect(writeInitSegment({ ...VIDEO, codec: 'vp8' })).toBeUndefined();
  });
});

test('a chunk gives back its units, with times beyond 32 bits and B-frames', () => {
  const unit = fc.record({ step: fc.integer({ min: 1, max: 100_000 }), composition: fc.nat(100_000), key: fc.boolean(), data: fc.uint8Array({ maxLength: 50 }) });
  fc.assert(
    fc.property(fc.array(unit, { minLength: 1, maxLength: 20 }), fc.nat(2 ** 40), fc.constantFrom('video', 'audio'), (parts, base, kind) => {
      let dts = base;
      const units = parts.map(({ step, composition, key, data }) => {
        const made = { track: 1, dts, pts: dts + composition, key: key || kind === 'audio', data };
        dts += step;
        return made;
      });
      const samples = readSamples(writeChunk({ sequence: 1, kind, units, durations: parts.map((part) => part.step) }));
      expect(samples).toEqual(units.map((made, i) => ({ dts: made.dts, pts: made.pts, duration: parts[i]?.step, key: made.key, data: made.data })));
    }),
  );
});

test('bytes that are no file are refused by a BoxError and nothing else', () => {
  const chunk = writeChunk({ sequence: 1, kind: 'video', units: [{ track: 1, dts: 0, pts: 0, key: true, data: Uint8Array.of(1, 2, 3) }], durations: [3000] });
  const attempt = (bytes: Uint8Array): void => {
    try {
      readSamples(bytes);
      findBox(bytes, 'moov/trak/mdia/mdhd');
    } catch (error) {
      expect(error).toBeInstanceOf(BoxError);
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), attempt));
  fc.assert(
    fc.property(fc.nat(chunk.length - 1), fc.nat(255), fc.nat(chunk.length), (at, value, length) => {
      const bytes = chunk.slice(0, Math.max(at + 1, length));
      bytes[at] = value;
      attempt(bytes);
    }),
    { numRuns: 1000 },
  );
});
