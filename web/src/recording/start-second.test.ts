import { expect, test } from 'vitest';
import { secondsOf } from './start-second.ts';

test.each([
  ['90', 90],
  ['90s', 90],
  ['1m30s', 90],
  ['1h2m3s', 3723],
  ['2h', 7200],
  ['', 0],
  [undefined, 0],
  ['soon', 0],
  ['-5', 0],
  ['1.5', 0],
])('%s is %d seconds', (text, seconds) => {
  expect(secondsOf(text)).toBe(seconds);
});
