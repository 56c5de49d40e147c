/** Progress and delay of a real-time connection. */
import { expect, it } from 'vitest';
import { hasOnlyReports, hasProgressed, receiveStats, wasSilent } from './receive-stats.ts';

const video = { type: 'inbound-rtp', kind: 'video', framesDecoded: 40, bytesReceived: 5000, jitterBufferDelay: 2, jitterBufferEmittedCount: 40 };
const audio = { type: 'inbound-rtp', kind: 'audio', bytesReceived: 700 };

it('counts frames, bytes and the delay of way and buffer', () => {
  const pair = { type: 'candidate-pair', nominated: true, state: 'succeeded', currentRoundTripTime: 0.02, bytesReceived: 6100 };
  expect(receiveStats([video, audio, pair, { type: 'codec', mimeType: 'video/H264' }])).toEqual({
    frames: 40,
    bytes: 5700,
    pathBytes: 6100,
    playsFromMs: undefined,
    delayMs: 60,
    codecs: ['video/H264'],
  });
});

it('reads the sender’s clock since 1900 and since 1970', () => {
  const at = Date.parse('2026-11-21T05:00:00Z');
  expect(receiveStats([{ ...video, estimatedPlayoutTimestamp: at + 2_208_988_800_000 }]).playsFromMs).toBe(at);
  expect(receiveStats([{ ...video, estimatedPlayoutTimestamp: at }]).playsFromMs).toBe(at);
  expect(receiveStats([{ ...video, estimatedPlayoutTimestamp: 0 }]).playsFromMs).toBeUndefined();
});

it('tells a publisher that is silent from a way that is', () => {
  const before = { bytes: 100, pathBytes: 200 };
  expect(hasOnlyReports(before, { bytes: 100, pathBytes: 260 })).toBe(true);
  expect(hasOnlyReports(before, { bytes: 160, pathBytes: 260 })).toBe(false);
  expect(hasOnlyReports(before, before)).toBe(false);
  expect(hasOnlyReports({ bytes: 100, pathBytes: undefined }, { bytes: 100, pathBytes: undefined })).toBe(false);
});

it('goes by frames where there is a picture, by bytes where there is only sound', () => {
  expect(hasProgressed({ frames: 40, bytes: 1 }, { frames: 40, bytes: 900 })).toBe(false);
  expect(hasProgressed({ frames: 40, bytes: 1 }, { frames: 41, bytes: 1 })).toBe(true);
  expect(hasProgressed({ frames: undefined, bytes: 1 }, { frames: undefined, bytes: 2 })).toBe(true);
});

it('tells a silent server from one that only reports, where the browser tells', () => {
  expect(wasSilent({ pathBytes: 200 }, { pathBytes: 200 })).toBe(true);
  expect(wasSilent({ pathBytes: 200 }, { pathBytes: 260 })).toBe(false);
  expect(wasSilent({ pathBytes: undefined }, { pathBytes: undefined })).toBe(false);
});
