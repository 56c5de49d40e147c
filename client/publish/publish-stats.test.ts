/** Figures from a publisher's statistics. */
import { expect, it } from 'vitest';
import { gradeOf, publishStats } from './publish-stats.ts';

const video = { id: 'v', type: 'outbound-rtp', kind: 'video', codecId: 'c', frameWidth: 1280, frameHeight: 720, framesPerSecond: 30, qualityLimitationReason: 'bandwidth' };
const audio = { id: 'a', type: 'outbound-rtp', kind: 'audio' };

it('counts bits a second over video and sound, and reads what the server reports', () => {
  const before = [
    { ...video, timestamp: 1000, bytesSent: 100_000 },
    { ...audio, timestamp: 1000, bytesSent: 10_000 },
  ];
  const now = [
    { ...video, timestamp: 3000, bytesSent: 600_000 },
    { ...audio, timestamp: 3000, bytesSent: 20_000 },
    { type: 'remote-inbound-rtp', kind: 'video', roundTripTime: 0.042, fractionLost: 0.03 },
    { type: 'codec', id: 'c', mimeType: 'video/H264' },
  ];
  expect(publishStats(before, now)).toEqual({
    bitsPerSecond: 2_040_000,
    roundTripMs: 42,
    loss: 0.03,
    framesPerSecond: 30,
    width: 1280,
    height: 720,
    limitedBy: 'bandwidth',
    videoCodec: 'video/H264',
  });
});

it('knows nothing of a browser that tells nothing', () => {
  expect(publishStats([], [])).toMatchObject({ bitsPerSecond: 0, roundTripMs: undefined, loss: undefined, limitedBy: 'none' });
});

it('takes the round trip of the path when the server reports none', () => {
  const records = [
    { type: 'transport', selectedCandidatePairId: 'p2' },
    { type: 'candidate-pair', id: 'p1', currentRoundTripTime: 1 },
    { type: 'candidate-pair', id: 'p2', currentRoundTripTime: 0.12 },
  ];
  expect(publishStats([], records).roundTripMs).toBe(120);
});

it('grades in one word', () => {
  const fine = { roundTripMs: 40, loss: 0, limitedBy: 'none', width: 1280, height: 720 } as const;
  expect(gradeOf(fine)).toBe('good');
  expect(gradeOf({ ...fine, roundTripMs: undefined, loss: undefined, limitedBy: 'cpu' })).toBe('good');
  expect(gradeOf({ ...fine, limitedBy: 'bandwidth' })).toBe('good');
  expect(gradeOf({ ...fine, limitedBy: 'bandwidth', width: 180, height: 320 })).toBe('fair');
  expect(gradeOf({ ...fine, loss: 0.03 })).toBe('fair');
  expect(gradeOf({ ...fine, roundTripMs: 900 })).toBe('poor');
});
