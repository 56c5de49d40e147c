/** A soak that cannot fail shows nothing. */
import { expect, test } from 'vitest';
import { judgeSoak } from './soak-verdict.ts';

const MB = 2 ** 20;
const rising = (bytesEach: number) => Array.from({ length: 100 }, (_, i) => ({ atSeconds: i * 36, bytes: 300 * MB + i * bytesEach }));

test('memory that is back where it was has returned, whatever it was in between', () => {
  const { returned, text } = judgeSoak({ level: 300 * MB, after: 310 * MB, during: [{ atSeconds: 0, bytes: 900 * MB }] });
  expect(returned).toBe(true);
  expect(text).toContain('+10.0 MB');
});

test('memory that stayed has not returned', () => {
  const { returned, text } = judgeSoak({ level: 300 * MB, after: 400 * MB, during: rising(MB) });
  expect(returned).toBe(false);
  expect(text).toContain('did NOT return to its level: +100.0 MB');
  expect(text).toContain('+100.0 MB an hour');
});
