/** The count of losses is what a bench of forwarding is worth. */
import { expect, test } from 'vitest';
import { Arrivals } from './arrivals.ts';

function arrivalsOf(sequences: readonly number[]): Arrivals {
  const arrivals = new Arrivals();
  for (const sequence of sequences) arrivals.packet(sequence, 100);
  return arrivals;
}

test('what is missing between the first and the last packet was sent and did not come', () => {
  expect(arrivalsOf([10, 11, 14, 15]).counts).toEqual({ received: 4, sent: 6, bytes: 400 });
});

test('numbers go round after 65535', () => {
  expect(arrivalsOf([65_534, 65_535, 1, 2]).counts).toMatchObject({ received: 4, sent: 5 });
  const rounds = Array.from({ length: 200_000 }, (_, i) => (i + 7) & 0xffff);
  expect(arrivalsOf(rounds).counts).toMatchObject({ received: 200_000, sent: 200_000 });
});

test('packets that overtake each other are not lost, even the first', () => {
  expect(arrivalsOf([5, 7, 6, 8]).counts).toMatchObject({ received: 4, sent: 4 });
  expect(arrivalsOf([0, 65_535, 1]).counts).toMatchObject({ received: 3, sent: 3 });
});

test('nothing yet is nothing sent', () => {
  expect(new Arrivals().counts).toEqual({ received: 0, sent: 0, bytes: 0 });
});
