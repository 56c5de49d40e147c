/** How an encoder is held to a quality. */
import { expect, it } from 'vitest';
import { scaleDownBy } from './limits.ts';

it('scales by the shorter side, so that turning the phone changes nothing', () => {
  expect(scaleDownBy({ width: 1920, height: 1080 }, 540)).toBe(2);
  expect(scaleDownBy({ width: 1080, height: 1920 }, 540)).toBe(2);
});

it('never enlarges, and leaves what it does not know', () => {
  expect(scaleDownBy({ width: 640, height: 360 }, 720)).toBe(1);
  expect(scaleDownBy({}, 720)).toBe(1);
  expect(scaleDownBy({ width: 640, height: 360 }, undefined)).toBe(1);
});
