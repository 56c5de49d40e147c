import { describe, expect, test } from 'vitest';
import type { AudioTrack, VideoTrack } from '../track.ts';
import { readAudioTag } from './audio-tag.ts';
import { readVideoTag } from './video-tag.ts';
import { audioTag, configTag, flvCarries, flvCodecId, videoTag } from './write-tag.ts';

const video = (codec: VideoTrack['codec']): VideoTrack => ({
  id: 1,
  kind: 'video',
  codec,
  timescale: 90_000,
  config: Uint8Array.of(1, 2, 3),
  codecString: '',
  width: 0,
  height: 0,
});
const audio = (codec: AudioTrack['codec']): AudioTrack => ({
  id: 2,
  kind: 'audio',
  codec,
  timescale: 48_000,
  config: Uint8Array.of(0x11, 0x90),
  codecString: '',
  sampleRate: 48_000,
  channels: 2,
});
const data = Uint8Array.of(7, 8, 9);

describe('written tags', () => {
  test.each([
    ['h264', 'avc1', 66],
    ['hevc', 'hvc1', 66],
    ['hevc', 'hvc1', 0],
    ['av1', 'av01', 0],
    ['vp9', 'vp09', 0],
  ] as const)('of %s are read as %s with a composition time of %i ms', (codec, fourCc, compositionTimeMs) => {
    const track = video(codec);
    expect(readVideoTag(configTag(track) ?? new Uint8Array(0))).toMatchObject([{ codec: fourCc, type: 'config', key: true, data: track.config }]);
    expect(readVideoTag(videoTag(track, { key: true, data }, compositionTimeMs))).toMatchObject([{ codec: fourCc, type: 'frame', key: true, compositionTimeMs, data }]);
    expect(readVideoTag(videoTag(track, { key: false, data }, 0))).toMatchObject([{ codec: fourCc, type: 'frame', key: false, data }]);
  });

  test('of sound are read again', () => {
    expect(readAudioTag(configTag(audio('aac')) ?? new Uint8Array(0))).toMatchObject([{ codec: 'mp4a', type: 'config', data: Uint8Array.of(0x11, 0x90) }]);
    expect(readAudioTag(audioTag(audio('aac'), data))).toMatchObject([{ codec: 'mp4a', type: 'frame', data }]);
    expect(configTag(audio('mp3'))).toBeUndefined();
    expect(readAudioTag(audioTag(audio('mp3'), data))).toMatchObject([{ codec: '.mp3', type: 'frame', data }]);
  });

  test('are not made of what receivers do not know', () => {
    expect(['vp8', 'opus', 'flac', 'ac3', 'eac3'].filter((codec) => flvCarries({ codec: codec as VideoTrack['codec'] }))).toEqual([]);
    expect(flvCodecId({ codec: 'h264' })).toBe(7);
    expect(flvCodecId({ codec: 'hevc' })).toBe(0x68_76_63_31);
  });
});
