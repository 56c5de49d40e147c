import { describe, expect, test } from 'vitest';
import { FakeClock } from './clock.ts';
import { Recent } from './recent.ts';

describe('what was used lately', () => {
  test('is kept for its age and no longer', () => {
    const clock = new FakeClock();
    const recent = new Recent<number>({ maxEntries: 10, maxAgeMs: 1000 }, clock);
    recent.set('a', 1);
    clock.advance(999);
    expect(recent.get('a')).toBe(1);
    clock.advance(1);
    expect(recent.get('a')).toBeUndefined();
  });

  test('pushes out what was used longest ago', () => {
    const recent = new Recent<number>({ maxEntries: 2, maxAgeMs: 1000 }, new FakeClock());
    recent.set('a', 1);
    recent.set('b', 2);
    recent.get('a');
    recent.set('c', 3);
    expect([recent.get('a'), recent.get('b'), recent.get('c')]).toEqual([1, undefined, 3]);
  });

  test('does not keep what was loading while something was forgotten', async () => {
    const recent = new Recent<string>({ maxEntries: 2, maxAgeMs: 1000 }, new FakeClock());
    const { promise, resolve } = Promise.withResolvers<string>();
    const loading = recent.load('a', () => promise);
    recent.forget((_, key) => key === 'a');
    resolve('old');
    expect(await loading).toBe('old');
    expect(recent.get('a')).toBeUndefined();
    await recent.load('a', async () => 'new');
    expect(recent.get('a')).toBe('new');
  });

  test('keeps several that were loaded together, but for those that were loading while something was forgotten', async () => {
    const recent = new Recent<string>({ maxEntries: 4, maxAgeMs: 1000 }, new FakeClock());
    const { promise, resolve } = Promise.withResolvers<(readonly [string, string])[]>();
    const loading = recent.loadAll(() => promise);
    recent.forget((_, key) => key === 'a');
    resolve([
      ['a', 'old'],
      ['b', 'old'],
    ]);
    expect(await loading).toEqual(['old', 'old']);
    expect([recent.get('a'), recent.get('b')]).toEqual([undefined, undefined]);
    await recent.loadAll(async () => [['a', 'new']]);
    expect(recent.get('a')).toBe('new');
  });
});
