/** A missed budget must say so whoever ran the bench. */
import { expect, test } from 'vitest';
import { type Judged, verdict } from './budget.ts';

const judged = (measured: number, bound: Judged['bound'] = 'most'): Judged => ({ what: 'ten publishers', measured, budget: 200, bound, format: (value) => `${value} ms` });

test('a budget that everything meets is met', () => {
  expect(verdict('200 ms', [judged(200), judged(10)])).toBe('Budget: 200 ms. Met.');
  expect(verdict('200 a second', [judged(200, 'least')])).toBe('Budget: 200 a second. Met.');
});

test('a miss says what, how much and by how much', () => {
  expect(verdict('200 ms', [judged(100), judged(301)])).toBe('Budget: 200 ms. **Missed by ten publishers: 301 ms is 51 % over 200 ms.**');
  expect(verdict('200 ms', [judged(50, 'least')])).toBe('Budget: 200 ms. **Missed by ten publishers: 50 ms is 75 % under 200 ms.**');
});

test('a figure that is not a number is no figure that meets a budget', () => {
  expect(verdict('200 ms', [judged(Number.NaN)])).toContain('Missed');
});

test('without a measurement nothing is met', () => {
  expect(verdict('200 ms', [])).toBe('Budget: 200 ms. Nothing was measured that it could be held against.');
});
