import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReceiveClock, SendClock, type TrackClock } from './clock.ts';

const AUDIO_RATE = 48_000;
const VIDEO_RATE = 90_000;
const NTP = 4_000_000_000_000_000;

/** A sender whose picture arrives `lateMs` after its sound; timestamps of both begin where they like. */
function sender(lateMs: number) {
  const clock = new ReceiveClock();
  const audio = clock.addTrack(AUDIO_RATE, true);
  const video = clock.addTrack(VIDEO_RATE, false);
  const audioTimestamp = (ms: number) => (ms * 48 + 0xffff_f000) % 0x1_0000_0000;
  const videoTimestamp = (ms: number) => (ms * 90 + 0x7fff_f000) % 0x1_0000_0000;
  return {
    audio,
    video,
    audioMs: (ms: number) => audio.time(audioTimestamp(ms), ms * 1000) / 48,
    videoMs: (ms: number) => video.time(videoTimestamp(ms), (ms + lateMs) * 1000) / 90,
    report: (track: TrackClock, ms: number) => track.report({ ntpMicros: NTP + ms * 1000, rtpTimestamp: track === audio ? audioTimestamp(ms) : videoTimestamp(ms) }),
  };
}

describe('ReceiveClock', () => {
  test('puts tracks where they arrive until a report comes, across the wrap of timestamps', () => {
    const { audioMs, videoMs } = sender(120);
    expect(audioMs(0)).toBe(0);
    expect(videoMs(0)).toBe(120);
    expect(audioMs(100)).toBe(100);
    expect(videoMs(100)).toBe(220);
  });

  test('moves the picture to the sound by reports, slowly and never back, and leaves the sound alone', () => {
    const { audio, video, audioMs, videoMs, report } = sender(120);
    audioMs(0);
    let last = videoMs(0);
    report(video, 0);
    report(audio, 0);
    for (let ms = 40; ms <= 1_400; ms += 40) {
      expect(audioMs(ms)).toBe(ms);
      const now = videoMs(ms);
      expect(now - last).toBeGreaterThan(35);
      expect(now - last).toBeLessThan(45);
      last = now;
    }
    expect(last).toBeCloseTo(1_400, 1);
    expect(video.correctionMicros).toBeCloseTo(0, 0);
  });

  test.each(['audio first', 'video first'])('does the same in whatever order reports come: %s', (order) => {
    const { audio, video, audioMs, videoMs, report } = sender(-80);
    audioMs(100);
    videoMs(100);
    for (const track of order === 'audio first' ? [audio, video] : [video, audio]) report(track, 120);
    for (let ms = 140; ms <= 1_200; ms += 40) videoMs(ms);
    expect(videoMs(1_240)).toBeCloseTo(1_240, 1);
  });

  test('puts a track that reported before its first frame in its place at once', () => {
    const { audio, video, audioMs, videoMs, report } = sender(300);
    report(video, 0);
    report(audio, 0);
    expect(audioMs(20)).toBe(20);
    expect(videoMs(20)).toBeCloseTo(20, 1);
  });

  test('does not believe a report that puts tracks far apart', () => {
    const { audio, video, audioMs, videoMs, report } = sender(50);
    audioMs(0);
    videoMs(0);
    report(audio, 0);
    video.report({ ntpMicros: NTP + 3_600_000_000, rtpTimestamp: 0x7fff_f000 });
    expect(video.refusedReports).toBe(1);
    expect(videoMs(1_000)).toBe(1_050);
    report(video, 1_000);
    expect(video.correctionMicros).toBeCloseTo(-50_000, 0);
  });

  test('follows a drift of the clocks for hours', () => {
    const { audio, video, audioMs, videoMs, report } = sender(30);
    const drift = 1.0001;
    for (let ms = 0; ms < 3_600_000; ms += 1_000) {
      audioMs(ms);
      videoMs(ms * drift);
      report(audio, ms);
      video.report({ ntpMicros: NTP + ms * 1000, rtpTimestamp: (Math.round(ms * drift * 90) + 0x7fff_f000) % 0x1_0000_0000 });
    }
    expect(Math.abs(videoMs(3_600_000 * drift) - audioMs(3_600_000))).toBeLessThan(1);
  });

  test('[hostile reports] never lets time run back, nor faster or slower than a tenth', () => {
    const event = fc.record({ kind: fc.constantFrom('frame', 'audio-report', 'video-report'), ntp: fc.nat(30_000_000), rtp: fc.nat(0xffffffff) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 100 }), (events) => {
        const { audio, video, audioMs, videoMs } = sender(70);
        let ms = 0;
        audioMs(ms);
        let last = videoMs(ms);
        for (const { kind, ntp, rtp } of events) {
          if (kind !== 'frame') {
            (kind === 'audio-report' ? audio : video).report({ ntpMicros: NTP + ntp, rtpTimestamp: rtp });
            continue;
          }
          ms += 40;
          expect(audioMs(ms)).toBe(ms);
          const now = videoMs(ms);
          expect(now - last).toBeGreaterThan(35.9);
          expect(now - last).toBeLessThan(44.1);
          last = now;
        }
      }),
      { seed: 20_261_129, numRuns: 300 },
    );
  });
});

describe('SendClock', () => {
  test('tells in its reports where its own frames lie', () => {
    const clock = new SendClock({ timescale: 1_000, clockRate: VIDEO_RATE, firstTimestamp: 0xffff_ff00, zeroNtpMicros: NTP });
    expect(clock.timestamp(0)).toBe(0xffff_ff00);
    expect(clock.timestamp(1_000)).toBe(90_000 - 256);
    expect(clock.report(NTP + 1_000_000)).toEqual({ ntpMicros: NTP + 1_000_000, rtpTimestamp: clock.timestamp(1_000) });
    expect(clock.report(NTP - 1_000_000).rtpTimestamp).toBe(0xffff_ff00 - 90_000);
  });

  test('keeps tracks in step through a receiver that knows reports alone', () => {
    const audio = new SendClock({ timescale: 48_000, clockRate: AUDIO_RATE, firstTimestamp: 77, zeroNtpMicros: NTP });
    const video = new SendClock({ timescale: 90_000, clockRate: VIDEO_RATE, firstTimestamp: 0xfff0_0000, zeroNtpMicros: NTP });
    const receive = new ReceiveClock();
    const [audioIn, videoIn] = [receive.addTrack(AUDIO_RATE, true), receive.addTrack(VIDEO_RATE, false)];
    audioIn.report(audio.report(NTP + 500_000));
    videoIn.report(video.report(NTP + 700_000));
    const sound = audioIn.time(audio.timestamp(48_000), 1_000_000);
    const picture = videoIn.time(video.timestamp(90_000), 1_222_000);
    expect(sound / 48).toBe(1_000);
    expect(picture / 90).toBeCloseTo(1_000, 1);
  });
});
