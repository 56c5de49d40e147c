/** The estimate of the server's clock. */
import { expect, it } from 'vitest';
import { ServerClock } from './server-clock.ts';

it('keeps the sample that travelled least', () => {
  let now = 1000;
  const clock = new ServerClock(() => now);
  expect(clock.known).toBe(false);
  clock.sample(1500 - 80);
  clock.sample(1500 - 10);
  clock.sample(1500 - 200);
  expect(clock.known).toBe(true);
  now = 2000;
  expect(clock.now()).toBe(2490);
});

it('follows a device clock that was set, once the old sample is stale', () => {
  let now = 0;
  const clock = new ServerClock(() => now);
  clock.sample(10_000);
  now = 10 * 60_000;
  clock.sample(now + 2000);
  expect(clock.now()).toBe(now + 2000);
});
