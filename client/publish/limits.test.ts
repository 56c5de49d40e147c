/** How an encoder is held to a quality. */
import { expect, it } from 'vitest';
import { layerLimits, scaleDownBy } from './limits.ts';

it('scales by the shorter side, so that turning the phone changes nothing', () => {
  expect(scaleDownBy({ width: 1920, height: 1080 }, 540)).toBe(2);
  expect(scaleDownBy({ width: 1080, height: 1920 }, 540)).toBe(2);
});

it('never enlarges, and leaves what it does not know', () => {
  expect(scaleDownBy({ width: 640, height: 360 }, 720)).toBe(1);
  expect(scaleDownBy({}, 720)).toBe(1);
  expect(scaleDownBy({ width: 640, height: 360 }, undefined)).toBe(1);
});

it('gives one picture everything, and of two the smaller a quarter', () => {
  expect(layerLimits(1, 1.5, 2_000_000)).toEqual([{ scaleResolutionDownBy: 1.5, maxBitrate: 2_000_000 }]);
  expect(layerLimits(2, 1.5, 2_000_000)).toEqual([
    { scaleResolutionDownBy: 3, maxBitrate: 500_000 },
    { scaleResolutionDownBy: 1.5, maxBitrate: 1_500_000 },
  ]);
  expect(layerLimits(2, 1, undefined)).toEqual([
    { scaleResolutionDownBy: 2, maxBitrate: undefined },
    { scaleResolutionDownBy: 1, maxBitrate: undefined },
  ]);
});
