import type { StreamWarning } from '@millrace/contract/entities/measurement';
import { expect, it } from 'vitest';
import { Health, type HealthObservation } from './health.ts';
import type { MeterReading } from './meter.ts';

type Video = NonNullable<MeterReading['video']>;
type Audio = NonNullable<MeterReading['audio']>;

const GOOD_VIDEO: Video = {
  codec: 'avc1.64001f',
  width: 1280,
  height: 720,
  framesPerSecond: 30,
  bitsPerSecond: 2_500_000,
  keyFrameIntervalSeconds: 2,
  sinceKeyFrameSeconds: 1,
  bFrames: false,
};
const GOOD_AUDIO: Audio = { codec: 'mp4a.40.2', sampleRate: 48_000, channels: 2, bitsPerSecond: 128_000 };

function observation(video: Partial<Video> | null = {}, audio: Partial<Audio> | null = {}, rest: Partial<HealthObservation> = {}): HealthObservation {
  return { reading: { video: video && { ...GOOD_VIDEO, ...video }, audio: audio && { ...GOOD_AUDIO, ...audio } }, repaired: 0, refusedTracks: 0, ...rest };
}

/** The warnings after each of `seconds` alike. */
function observe(health: Health, seconds: number, seen: HealthObservation): StreamWarning[][] {
  return Array.from({ length: seconds }, () => health.observe(seen));
}

it('finds nothing wrong with a good stream', () => {
  expect(observe(new Health(), 40, observation()).flat()).toEqual([]);
});

it('warns of key frames far apart, by their interval or by their absence, and not at four seconds sharp', () => {
  expect(new Health().observe(observation({ keyFrameIntervalSeconds: 4 }))).toEqual([]);
  expect(new Health().observe(observation({ keyFrameIntervalSeconds: 8.3 }))).toEqual(['KEY_FRAMES_FAR_APART']);
  expect(new Health().observe(observation({ keyFrameIntervalSeconds: null, sinceKeyFrameSeconds: 4.5 }))).toEqual(['KEY_FRAMES_FAR_APART']);
});

it('warns when no key frame ever comes', () => {
  const seen = observe(new Health(), 6, observation({ keyFrameIntervalSeconds: null, sinceKeyFrameSeconds: null }));
  expect(seen.map((warnings) => warnings.length)).toEqual([0, 0, 0, 0, 1, 1]);
});

it('does not flicker between a long and a short group', () => {
  const health = new Health();
  health.observe(observation({ keyFrameIntervalSeconds: 8 }));
  const between = observe(health, 4, observation({ keyFrameIntervalSeconds: 1, sinceKeyFrameSeconds: 2 }));
  expect(between.every((warnings) => warnings.includes('KEY_FRAMES_FAR_APART'))).toBe(true);
  expect(observe(health, 7, observation()).at(-1)).toEqual([]);
});

it('warns of B-frames and of codecs that some browsers lack and nothing converts', () => {
  expect(new Health().observe(observation({ bFrames: true }))).toEqual(['B_FRAMES']);
  for (const codec of ['hvc1.1.6.L93.B0', 'av01.0.05M.08', 'vp09.00.31.08', 'avc1.6e0028', 'avc1.f4001f'])
    expect(new Health().observe(observation({ codec })), codec).toEqual(['VIDEO_CODEC_NOT_EVERYWHERE']);
  for (const codec of ['ac-3', 'ec-3', 'fLaC']) expect(new Health().observe(observation({}, { codec })), codec).toEqual(['AUDIO_CODEC_NOT_EVERYWHERE']);
  expect(new Health().observe(observation({ codec: 'vp8' }))).toEqual([]);
  for (const codec of ['opus', 'mp4a.40.5', 'mp4a.40.29', 'mp3', 'mp4a.40.34']) expect(new Health().observe(observation({}, { codec })), codec).toEqual([]);
});

it('warns of a collapsed bit rate after three seconds, for as long as it lasts, and takes it back when it is over', () => {
  const health = new Health();
  observe(health, 30, observation());
  const collapsed = observe(health, 40, observation({ bitsPerSecond: 600_000 }));
  expect(collapsed.map((warnings) => warnings.includes('BITRATE_COLLAPSED'))).toEqual([false, false, ...Array(38).fill(true)]);
  expect(observe(health, 5, observation()).at(-1)).toEqual([]);
});

it('sees a publisher that is there but sends nothing', () => {
  const health = new Health();
  observe(health, 30, observation());
  expect(observe(health, 5, observation({ bitsPerSecond: 0 }, { bitsPerSecond: 0 })).at(-1)).toEqual(['BITRATE_COLLAPSED', 'NO_AUDIO']);
});

it('bears the dips between key frames, a still picture and a rate lowered for good', () => {
  const health = new Health();
  for (let second = 0; second < 60; second++) expect(health.observe(observation({ bitsPerSecond: second % 3 === 0 ? 5_000_000 : 500_000 }))).toEqual([]);
  const still = new Health();
  observe(still, 30, observation({ bitsPerSecond: 150_000 }));
  expect(observe(still, 30, observation({ bitsPerSecond: 10_000 })).flat()).toEqual([]);
  const lowered = new Health();
  observe(lowered, 30, observation());
  expect(observe(lowered, 70, observation({ bitsPerSecond: 500_000 })).at(-1)).toEqual([]);
});

it('warns of repaired timestamps while they go on, not of those before', () => {
  const health = new Health();
  expect(health.observe(observation({}, {}, { repaired: 7 }))).toEqual([]);
  expect(health.observe(observation({}, {}, { repaired: 8 }))).toEqual(['TIMESTAMPS_REPAIRED']);
  const after = observe(health, 15, observation({}, {}, { repaired: 8 }));
  expect(after[13]).toEqual(['TIMESTAMPS_REPAIRED']);
  expect(after[14]).toEqual([]);
});

it('warns of a track that cannot be carried', () => {
  expect(new Health().observe(observation({}, {}, { refusedTracks: 1 }))).toEqual(['TRACK_NOT_SUPPORTED']);
});

it('warns of missing sound after five seconds, whether it was announced or not, and says nothing of a picture that sound alone lacks', () => {
  for (const silent of [observation({}, null), observation({}, { bitsPerSecond: 0 })]) {
    const seen = observe(new Health(), 5, silent);
    expect(seen[3]).toEqual([]);
    expect(seen[4]).toEqual(['NO_AUDIO']);
  }
  expect(observe(new Health(), 30, observation(null)).flat()).toEqual([]);
});
