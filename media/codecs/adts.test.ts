import { describe, expect, test } from 'vitest';
import { concat } from '../big-endian.ts';
import { fuzz } from '../fuzzing.ts';
import { readAudioSpecificConfig } from './aac.ts';
import { isAdts, readAdts } from './adts.ts';

/** As ffmpeg writes a frame of 48 kHz mono. */
const MONO = Uint8Array.of(0xff, 0xf1, 0x4c, 0x40, 0x01, 0x7f, 0xfc, 1, 2, 3, 4);
const STEREO_WITH_CRC = Uint8Array.of(0xff, 0xf0, 0x50, 0x80, 0x01, 0x7f, 0xfc, 9, 9, 7, 8);

describe('ADTS', () => {
  test('tells how its frames are decoded', () => {
    const frames = readAdts(concat(MONO, STEREO_WITH_CRC));
    expect(frames.map(({ data }) => [...data])).toEqual([
      [1, 2, 3, 4],
      [7, 8],
    ]);
    expect(frames.map(({ config }) => readAudioSpecificConfig(config))).toMatchObject([
      { codecString: 'mp4a.40.2', sampleRate: 48_000, channels: 1, frameSamples: 1024 },
      { codecString: 'mp4a.40.2', sampleRate: 44_100, channels: 2 },
    ]);
  });

  test('is known by its first bytes', () => {
    expect(isAdts(MONO)).toBe(true);
    expect(isAdts(Uint8Array.of(0x21, 0x10, 0x05, 0, 0, 0, 0))).toBe(false);
  });

  test('that does not hold together is refused', () => {
    expect(() => readAdts(MONO.subarray(0, 9))).toThrow('ADTS frame of 11 bytes does not fit into 9');
    expect(() => readAdts(concat(MONO, Uint8Array.of(1)))).toThrow('no ADTS header at 11');
    fuzz((bytes) => expect(readAdts(bytes).length).toBeLessThanOrEqual(bytes.length / 7), [MONO, concat(MONO, STEREO_WITH_CRC)]);
  });
});
