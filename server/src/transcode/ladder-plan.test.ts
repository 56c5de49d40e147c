import type { VideoTrack } from '@millrace/media/track';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { h264Level } from './h264-level.ts';
import { planTiers, type TierPlan, tierSizeOf } from './ladder-plan.ts';

const SETTINGS = [
  { shorterSide: 720, bitsPerSecond: 2_800_000, preset: 'veryfast' } as const,
  { shorterSide: 480, bitsPerSecond: 1_400_000, preset: 'veryfast' } as const,
  { shorterSide: 360, bitsPerSecond: 700_000, preset: 'veryfast' } as const,
];

function source(width: number, height: number): VideoTrack {
  return { id: 1, kind: 'video', codec: 'h264', timescale: 1000, config: Uint8Array.of(1, 0x64, 0, 0x1f), codecString: 'avc1.64001f', width, height };
}

function tiersOf(width: number, height: number): readonly TierPlan[] {
  const tiers = planTiers(source(width, height), SETTINGS);
  if (typeof tiers === 'string') throw new Error(tiers);
  return tiers;
}

describe('tiers', () => {
  it.each([
    ['1080p', 1920, 1080, ['720p 1280x720', '480p 854x480', '360p 640x360']],
    ['720p', 1280, 720, ['480p 854x480', '360p 640x360']],
    ['a phone held upright', 1080, 1920, ['720p 720x1280', '480p 480x854', '360p 360x640']],
    ['odd sides', 853, 479, ['360p 642x360']],
    ['4:3', 640, 481, ['480p 638x480', '360p 480x360']],
    ['4K', 3840, 2160, ['720p 1280x720', '480p 854x480', '360p 640x360']],
  ])('of %s are below it, in its shape, with even sides', (_, width, height, expected) => {
    expect(tiersOf(width, height).map(({ name, track }) => `${name} ${track.width}x${track.height}`)).toEqual(expected);
  });

  it.each([
    ['SMALL', 640, 360],
    ['SMALL', 16, 16],
    ['SIZE_UNKNOWN', 0, 0],
    ['SHAPE', 16_000, 400],
  ])('are refused with %s for %i×%i', (reason, width, height) => {
    expect(planTiers(source(width, height), SETTINGS)).toBe(reason);
  });

  it('are never as large as the source, whatever it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8192 }), fc.integer({ min: 1, max: 8192 }), (width, height) => {
        const tiers = planTiers(source(width, height), SETTINGS);
        if (typeof tiers === 'string') return;
        for (const { track } of tiers) {
          expect(Math.min(track.width, track.height)).toBeLessThan(Math.min(width, height));
          expect((track.width % 2) + (track.height % 2)).toBe(0);
          expect(Math.max(track.width, track.height)).toBeLessThanOrEqual(4096);
        }
      }),
    );
  });

  it('say which decoder they need before there are any', () => {
    // Main profile: 720p at up to 60 pictures a second is level 3.2, the others at up to 30 are 3.1 and 3.0.
    expect(tiersOf(1920, 1080).map(({ track }) => track.codecString)).toEqual(['avc1.4d4020', 'avc1.4d401f', 'avc1.4d401e']);
  });

  it('are made with the preset that is set for each', () => {
    const [large, small] = [{ shorterSide: 480, bitsPerSecond: 1_400_000, preset: 'superfast' } as const, { shorterSide: 360, bitsPerSecond: 700_000, preset: 'medium' } as const];
    const tiers = planTiers(source(1280, 720), [small, large]);
    expect(typeof tiers === 'string' ? tiers : tiers.map(({ name, preset }) => `${name} ${preset}`)).toEqual(['480p superfast', '360p medium']);
  });

  it('do not use more than the source is worth', () => {
    const [tier] = tiersOf(1280, 720);
    if (!tier) throw new Error('there is no tier');
    const bits = (bitsPerSecond: number | undefined) => tierSizeOf(tier, source(1280, 720), bitsPerSecond ? { bitsPerSecond, framesPerSecond: 30 } : undefined).maxBitsPerSecond;
    expect(bits(undefined)).toBe(1_400_000);
    expect(bits(8_000_000)).toBe(1_400_000);
    expect(bits(1_000_000)).toBeLessThan(600_000);
    expect(bits(1)).toBe(80_000);
  });

  it.each([
    [undefined, 30],
    [0, 30],
    [25, 25],
    [60, 30],
  ])('expect of a source measured at %s pictures a second at most their own rate', (framesPerSecond, expected) => {
    const [tier] = tiersOf(1280, 720);
    if (!tier) throw new Error('there is no tier');
    const measured = framesPerSecond === undefined ? undefined : { bitsPerSecond: 2_000_000, framesPerSecond };
    expect(tierSizeOf(tier, source(1280, 720), measured).expectedFramesPerSecond).toBe(expected);
  });
});

describe('the level', () => {
  it.each([
    [1920, 1080, 30, 4_000_000, 40],
    [1920, 1080, 60, 4_000_000, 42],
    [1280, 720, 30, 2_800_000, 31],
    [160, 90, 30, 200_000, 30],
    [8192, 8192, 60, 1_000_000, 52],
  ])('of %i×%i at %i pictures and %i bits a second is %i', (width, height, maxFramesPerSecond, maxBitsPerSecond, level) => {
    expect(h264Level({ width, height, maxFramesPerSecond, maxBitsPerSecond })).toBe(level);
  });
});
