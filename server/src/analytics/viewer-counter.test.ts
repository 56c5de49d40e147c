import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { MemoryViewerCounter, type Presence } from './viewer-counter.ts';

function world() {
  const clock = new FakeClock();
  const counted: [string, number][] = [];
  const counter = new MemoryViewerCounter({ clock, timeoutMs: 12_500, listener: { viewersCounted: (streamId, viewers) => counted.push([streamId, viewers]) } });
  counter.start();
  return { clock, counted, counter };
}

const quiet = (): void => {};

it('counts several connections of one person once, until the last has left', () => {
  const { counter, counted } = world();
  const [first, second] = [1, 2].map(() => counter.join({ streamId: 'a', person: 'ann', onVanished: quiet }));
  counter.join({ streamId: 'a', person: 'ben', onVanished: quiet });
  counter.join({ streamId: 'b', person: 'ann', onVanished: quiet });
  expect([counter.count('a'), counter.count('b'), counter.total]).toEqual([2, 1, 3]);
  first?.leave();
  first?.leave();
  expect(counter.count('a')).toBe(2);
  second?.leave();
  expect(counter.count('a')).toBe(1);
  expect(counted).toEqual([
    ['a', 1],
    ['a', 2],
    ['b', 1],
    ['a', 1],
  ]);
});

it('lets go of who has been silent within 15 s, and keeps who beats', () => {
  const { clock, counter } = world();
  const vanished: string[] = [];
  const join = (person: string) => counter.join({ streamId: 'a', person, onVanished: () => vanished.push(person) });
  const ann = join('ann');
  join('ben');
  for (let seconds = 0; seconds < 15; seconds += 5) {
    clock.advance(5_000);
    ann.beat();
  }
  expect(vanished).toEqual(['ben']);
  expect(counter.count('a')).toBe(1);
  clock.advance(13_500);
  expect(counter.count('a')).toBe(0);
  ann.beat();
  ann.leave();
  expect(counter.total).toBe(0);
});

it('[counter] agrees with a plain list of who is there, whatever comes and goes', () => {
  const step = fc.record({ person: fc.integer({ min: 0, max: 5 }), streamId: fc.constantFrom('a', 'b'), action: fc.constantFrom('join', 'join', 'beat', 'leave', 'wait') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { clock, counter } = world();
      const present = new Map<Presence, string>();
      for (const { person, streamId, action } of steps) {
        const oldest = [...present.keys()][person];
        if (action === 'join') {
          const presence: Presence = counter.join({ streamId, person: `${person}`, onVanished: () => present.delete(presence) });
          present.set(presence, `${streamId} ${person}`);
        } else if (action === 'beat') oldest?.beat();
        else if (action === 'wait') clock.advance(3_000);
        else if (oldest) {
          present.delete(oldest);
          oldest.leave();
        }
        const people = new Set(present.values());
        expect(counter.total).toBe(people.size);
        expect(counter.count('a')).toBe([...people].filter((key) => key.startsWith('a ')).length);
      }
    }),
    { seed: 20_261_124, numRuns: 200 },
  );
});
