import { expect, it } from 'vitest';
import { GopCache } from './gop-cache.ts';
import { AUDIO, picture, SMALL_VIDEO, smallPicture, sound, VIDEO } from './testing/source.ts';

it('holds what follows the last key frame, sound included', () => {
  const cache = new GopCache();
  cache.reset([VIDEO, AUDIO]);
  for (const unit of [sound(0), picture(0, true), sound(0.02), picture(1, true), picture(1.04), sound(1.04)]) cache.push(unit);
  expect(cache.units).toEqual([picture(1, true), picture(1.04), sound(1.04)]);
});

it('holds nothing of sound alone and nothing before a key frame', () => {
  const cache = new GopCache();
  cache.reset([AUDIO]);
  cache.push(sound(0));
  expect(cache.units).toEqual([]);
  cache.reset([VIDEO]);
  cache.push(picture(0));
  expect(cache.units).toEqual([]);
});

it('gives up a group that is too large in bytes or in units, until the next key frame', () => {
  const cache = new GopCache();
  cache.reset([VIDEO, AUDIO]);
  cache.push(picture(0, true, 20 * 1024 * 1024));
  cache.push(picture(1, false, 20 * 1024 * 1024));
  expect(cache.units).toEqual([]);
  cache.push(picture(2, true));
  for (let i = 0; i < 5000; i++) cache.push(sound(2 + i, 0));
  expect(cache.units).toEqual([]);
  cache.push(picture(9000, true));
  expect(cache.units).toHaveLength(1);
});

it('forgets its group when the formats change', () => {
  const cache = new GopCache();
  cache.reset([VIDEO]);
  cache.push(picture(0, true));
  cache.reset([VIDEO]);
  expect(cache.units).toEqual([]);
});

it('holds the group of each size of the picture, whose key frames come apart', () => {
  const cache = new GopCache();
  cache.reset([VIDEO, SMALL_VIDEO, AUDIO]);
  for (const unit of [picture(0, true), smallPicture(0), smallPicture(0.1, true), sound(0.1), picture(1, true), smallPicture(1)]) cache.push(unit);
  expect(cache.units).toEqual([smallPicture(0.1, true), sound(0.1), picture(1, true), smallPicture(1)]);
  cache.push(smallPicture(1.1, true));
  expect(cache.units).toEqual([picture(1, true), smallPicture(1.1, true)]);
});

it('forgets the group of a size that has fallen silent', () => {
  const cache = new GopCache();
  cache.reset([VIDEO, SMALL_VIDEO, AUDIO]);
  for (const unit of [picture(0, true), smallPicture(0, true), smallPicture(1, true), sound(1), smallPicture(2, true), sound(2)]) cache.push(unit);
  expect(cache.units).toEqual([smallPicture(2, true), sound(2)]);
  cache.push(picture(2.1));
  expect(cache.units).toHaveLength(2);
});
