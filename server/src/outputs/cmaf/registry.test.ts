import { expect, it } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from './packager.ts';
import { PackagerRegistry } from './registry.ts';

it('knows what was played a moment ago, which looking and recording are not', () => {
  const clock = new FakeClock();
  const registry = new PackagerRegistry({ clock });
  const begin = (epoch: string) => registry.set('stream', new Packager({ broadcast: { epoch, createdAt: 0 }, clock, config: DEFAULT_PACKAGER_CONFIG }));
  expect(registry.isPlayed('stream')).toBe(false);
  begin('first');
  registry.peek('stream');
  registry.keepAwake('stream');
  expect(registry.isPlayed('stream')).toBe(false);
  registry.get('stream');
  clock.advance(29_999);
  expect(registry.isPlayed('stream')).toBe(true);
  clock.advance(1);
  expect(registry.isPlayed('stream')).toBe(false);
  registry.get('stream');
  begin('second');
  expect(registry.isPlayed('stream')).toBe(false);
});
