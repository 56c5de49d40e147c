/** Numbers and durations as people read them. */
import { expect, it } from 'vitest';
import { bitrate, elapsed, percent, regionOf, seconds, spacedCode } from './format.ts';
import { t } from './text.ts';

it('writes durations with the fewest parts', () => {
  expect([elapsed(-5), elapsed(7000), elapsed(750_000), elapsed(3_723_000)]).toEqual(['0:00', '0:07', '12:30', '1:02:03']);
});

it('writes bit rates in the unit that reads best', () => {
  expect([bitrate(640_400), bitrate(2_540_000)]).toEqual(['640 kbit/s', '2.5 Mbit/s']);
});

it('writes latency with a tenth and codes in two groups', () => {
  expect(seconds(830)).toBe('0.8 s');
  expect(spacedCode('K7Q4XM')).toBe('K7Q 4XM');
});

it('writes dates in the way of the country, in the language of the pages', () => {
  expect([regionOf(['en-GB', 'en']), regionOf(['de-DE', 'en-AU']), regionOf(['de-DE', 'enm']), regionOf([])]).toEqual(['en-GB', 'en-AU', 'en', 'en']);
});

it('chooses the plural and groups large numbers', () => {
  expect([1, 2, 1200].map((count) => t('viewers.count', { count }))).toEqual(['1 viewer', '2 viewers', '1,200 viewers']);
});

it('says that all is done only when it is', () => {
  expect([percent(0), percent(0.425), percent(0.999), percent(1)]).toEqual(['0%', '42%', '99%', '100%']);
});
