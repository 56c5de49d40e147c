import { describe, expect, test } from 'vitest';
import { fuzz } from '../fuzzing.ts';
import { splitAggregate } from '../rtmp/aggregate.ts';
import { readAudioTag } from './audio-tag.ts';
import { readVideoTag } from './video-tag.ts';

const bytes = (...parts: readonly (number | string)[]) => Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part)] : [part])));

describe('video tags', () => {
  test('of old FLV carry AVC with signed composition times', () => {
    expect(readVideoTag(bytes(0x17, 0, 0, 0, 0, 1, 2))).toMatchObject([{ codec: 'avc1', type: 'config', key: true, data: bytes(1, 2) }]);
    expect(readVideoTag(bytes(0x27, 1, 0xff, 0xff, 0xdf, 9))).toMatchObject([{ type: 'frame', key: false, compositionTimeMs: -33, data: bytes(9) }]);
    expect(readVideoTag(bytes(0x17, 2, 0, 0, 0))).toMatchObject([{ type: 'end' }]);
  });

  test('of codecs nobody packages are named', () => {
    expect(readVideoTag(bytes(0x22, 1))).toMatchObject([{ codec: 'Sorenson H.263' }]);
    expect(readVideoTag(bytes(0x91, 'zzzz', 1))).toMatchObject([{ codec: 'zzzz', type: 'frame' }]);
  });

  test('that are commands hold no frame', () => {
    expect(readVideoTag(bytes(0x57, 0))).toEqual([]);
    expect(readVideoTag(bytes(0xd1, 1))).toEqual([]);
    expect(readVideoTag(bytes())).toEqual([]);
  });

  test('enhanced carry a composition time only for codecs that reorder and only in CodedFrames', () => {
    expect(readVideoTag(bytes(0x91, 'hvc1', 0, 0, 66, 7))).toMatchObject([{ codec: 'hvc1', type: 'frame', key: true, compositionTimeMs: 66, data: bytes(7) }]);
    expect(readVideoTag(bytes(0xa3, 'hvc1', 7, 8))).toMatchObject([{ type: 'frame', key: false, compositionTimeMs: 0, data: bytes(7, 8) }]);
    expect(readVideoTag(bytes(0x91, 'av01', 7, 8))).toMatchObject([{ type: 'frame', compositionTimeMs: 0, data: bytes(7, 8) }]);
    expect(readVideoTag(bytes(0x90, 'vp09', 1))).toMatchObject([{ type: 'config', data: bytes(1) }]);
    expect(readVideoTag(bytes(0x94, 'vp09', 1))).toMatchObject([{ type: 'other' }]);
  });

  test('enhanced obey ModEx prefixes of any length', () => {
    expect(readVideoTag(bytes(0x97, 2, 0x01, 0xe2, 0x40, 0x01, 'av01', 7))).toMatchObject([{ nanoOffset: 123_456, type: 'frame', data: bytes(7) }]);
    const long = bytes(0x97, 255, 1, 0, ...new Array<number>(257).fill(0), 0x17, 0, 9, 0x03, 'avc1', 7);
    expect(readVideoTag(long)).toMatchObject([{ codec: 'avc1', type: 'frame', data: bytes(7) }]);
  });

  test('enhanced hold one track, many of one codec or many of several', () => {
    expect(readVideoTag(bytes(0x96, 0x03, 'avc1', 5, 7, 8))).toMatchObject([{ trackId: 5, codec: 'avc1', type: 'frame', data: bytes(7, 8) }]);
    expect(readVideoTag(bytes(0x96, 0x13, 'avc1', 0, 0, 0, 1, 7, 1, 0, 0, 2, 8, 9))).toMatchObject([
      { trackId: 0, codec: 'avc1', data: bytes(7) },
      { trackId: 1, codec: 'avc1', data: bytes(8, 9) },
    ]);
    expect(readVideoTag(bytes(0x96, 0x21, 'av01', 0, 0, 0, 1, 7, 'hvc1', 1, 0, 0, 4, 0, 0, 1, 9))).toMatchObject([
      { trackId: 0, codec: 'av01', data: bytes(7) },
      { trackId: 1, codec: 'hvc1', compositionTimeMs: 1, data: bytes(9) },
    ]);
    expect(() => readVideoTag(bytes(0x96, 0x13, 'avc1', 0, 0, 1, 0, 7))).toThrow('exceeds its multitrack tag');
  });

  test('throw nothing but ProtocolError', () => {
    fuzz(readVideoTag, [bytes(0x27, 1, 0, 0, 1, 9), bytes(0x97, 2, 0, 0, 9, 0x06, 0x21, 'av01', 0, 0, 0, 1, 7), bytes(0x96, 0x13, 'avc1', 0, 0, 0, 1, 7)]);
  });
});

describe('audio tags', () => {
  test('carry AAC and MP3 of old FLV', () => {
    expect(readAudioTag(bytes(0xaf, 0, 0x12, 0x10))).toMatchObject([{ codec: 'mp4a', type: 'config', data: bytes(0x12, 0x10) }]);
    expect(readAudioTag(bytes(0xaf, 1, 9))).toMatchObject([{ type: 'frame', data: bytes(9) }]);
    expect(readAudioTag(bytes(0x2f, 0xff))).toMatchObject([{ codec: '.mp3', type: 'frame' }]);
    expect(readAudioTag(bytes(0xb0, 1))).toMatchObject([{ codec: 'Speex' }]);
  });

  test('without a frame are silence', () => {
    expect(readAudioTag(bytes())).toEqual([]);
    expect(readAudioTag(bytes(0xaf, 1))).toEqual([]);
  });

  test('enhanced carry FourCCs, ModEx and tracks', () => {
    expect(readAudioTag(bytes(0x90, 'Opus', 1))).toMatchObject([{ codec: 'Opus', type: 'config', data: bytes(1) }]);
    expect(readAudioTag(bytes(0x97, 2, 0, 0, 9, 0x01, 'Opus', 1))).toMatchObject([{ type: 'frame', nanoOffset: 9 }]);
    expect(readAudioTag(bytes(0x95, 0x11, 'mp4a', 0, 0, 0, 1, 7, 1, 0, 0, 1, 8))).toMatchObject([
      { trackId: 0, data: bytes(7) },
      { trackId: 1, data: bytes(8) },
    ]);
  });

  test('throw nothing but ProtocolError', () => fuzz(readAudioTag, [bytes(0x97, 2, 0, 0, 9, 0x05, 0x11, 'mp4a', 0, 0, 0, 1, 7), bytes(0xaf, 1, 2)]));
});

describe('aggregates', () => {
  const payload = bytes(8, 0, 0, 1, 0, 0, 100, 0, 0, 0, 0, 7, 0, 0, 0, 12, 9, 0, 0, 2, 0, 0, 120, 0, 0, 0, 0, 8, 9, 0, 0, 0, 13);

  test('fall apart into messages with distances kept', () => {
    expect(splitAggregate({ type: 22, streamId: 1, timestamp: 5000, payload })).toEqual([
      { type: 8, streamId: 1, timestamp: 5000, payload: bytes(7) },
      { type: 9, streamId: 1, timestamp: 5020, payload: bytes(8, 9) },
    ]);
  });

  test('throw nothing but ProtocolError', () => fuzz((damaged) => splitAggregate({ type: 22, streamId: 1, timestamp: 0, payload: damaged }), [payload]));
});
