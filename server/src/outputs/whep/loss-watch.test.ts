/** When a network is taken for overloaded, and when no longer. */
import { expect, test } from 'vitest';
import { LossWatch } from './loss-watch.ts';

/** Forty packets a second, a report every quarter of one. */
function reports(watch: LossWatch) {
  let [now, highest, lost] = [0, 0, 0];
  return (seconds: number, lostOfTen: number) => {
    for (let i = 0; i < seconds * 4; i++) {
      now += 250;
      highest += 10;
      lost += lostOfTen;
      watch.report({ highestSequence: highest, cumulativeLost: lost }, now);
    }
    return watch.isOverloaded;
  };
}

test('a network that loses a third for seconds is overloaded, until it loses nothing', () => {
  const pass = reports(new LossWatch({ countsRepaired: false }));
  expect(pass(2, 0)).toBe(false);
  expect(pass(2, 3)).toBe(false);
  expect(pass(3, 3)).toBe(true);
  expect(pass(1, 0)).toBe(true);
  expect(pass(4, 0)).toBe(false);
});

test('single bursts, and one outage, are nothing to give a viewer less for', () => {
  const pass = reports(new LossWatch({ countsRepaired: false }));
  pass(1, 0);
  for (let i = 0; i < 10; i++) {
    expect(pass(0.5, 4)).toBe(false);
    expect(pass(1.5, 0)).toBe(false);
  }
  expect(pass(2, 10)).toBe(false);
  expect(pass(5, 0)).toBe(false);
});

test('a third of what is sent is little where lost packets that came again count as lost, half of it is not', () => {
  const pass = reports(new LossWatch({ countsRepaired: true }));
  expect(pass(5, 3)).toBe(false);
  expect(pass(5, 5)).toBe(true);
  expect(pass(5, 1)).toBe(false);
});

test('a numbering that begins anew is no loss', () => {
  const watch = new LossWatch({ countsRepaired: false });
  for (let now = 0; now < 10_000; now += 500) watch.report({ highestSequence: 100_000 - now, cumulativeLost: now }, now);
  expect(watch.isOverloaded).toBe(false);
});
