/** The player's state from facts. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hasMedia, INITIAL_FACTS, PLAYER_STATES, type PlayerFacts, playerState } from './state.ts';

function facts(change: Partial<PlayerFacts>): PlayerFacts {
  return { ...INITIAL_FACTS, ...change };
}

const playing = { broadcast: 'live', attached: true, hasPlayed: true, paused: false, flowing: true } as const;

it('waits before the broadcast and, for viewers, during the preview', () => {
  expect(playerState(facts({ broadcast: 'idle' }))).toBe('waiting');
  expect(playerState(facts({ broadcast: 'preview' }))).toBe('waiting');
  expect(playerState(facts({ broadcast: 'preview', mayPreview: true, attached: true }))).toBe('starting');
});

it('plays only once the element moves', () => {
  expect(playerState(facts({ broadcast: 'live', attached: true, paused: false }))).toBe('starting');
  expect(playerState(facts(playing))).toBe('playing');
});

it('tells a stall from a pause', () => {
  expect(playerState(facts({ ...playing, flowing: false }))).toBe('stalled');
  expect(playerState(facts({ ...playing, flowing: false, paused: true }))).toBe('paused');
});

it('shows what is buffered before it says that the publisher is gone', () => {
  expect(playerState(facts({ ...playing, broadcast: 'reconnecting' }))).toBe('playing');
  expect(playerState(facts({ ...playing, broadcast: 'reconnecting', flowing: false }))).toBe('reconnecting');
});

it('leaves a pause of the viewer a pause while the publisher is gone', () => {
  expect(playerState(facts({ ...playing, broadcast: 'reconnecting', flowing: false, paused: true }))).toBe('paused');
});

it('plays to the end before it says ended, and says it at once to who saw nothing', () => {
  expect(playerState(facts({ ...playing, broadcast: 'ended' }))).toBe('playing');
  expect(playerState(facts({ ...playing, broadcast: 'ended', flowing: false, finished: true }))).toBe('ended');
  expect(playerState(facts({ broadcast: 'ended' }))).toBe('ended');
});

it('asks for a tap when the browser blocks, and says when it cannot play', () => {
  expect(playerState(facts({ broadcast: 'live', attached: true, blocked: true }))).toBe('blocked');
  expect(playerState(facts({ broadcast: 'live', attached: true, unplayable: 'codec' }))).toBe('unplayable');
});

it('has a state for every combination of facts, and never plays what does not move', () => {
  const anyFacts = fc.record({
    broadcast: fc.constantFrom('idle', 'preview', 'live', 'reconnecting', 'ended'),
    mayPreview: fc.boolean(),
    attached: fc.boolean(),
    hasPlayed: fc.boolean(),
    paused: fc.boolean(),
    flowing: fc.boolean(),
    finished: fc.boolean(),
    blocked: fc.boolean(),
    unplayable: fc.constantFrom(undefined, 'codec', 'denied', 'unsupported'),
  });
  fc.assert(
    fc.property(anyFacts, (any) => {
      const state = playerState(any);
      expect(PLAYER_STATES).toContain(state);
      if (state === 'playing') expect(any.flowing).toBe(true);
      if (!hasMedia(any)) expect(['waiting', 'ended', 'playing']).toContain(state);
    }),
    { seed: 11 },
  );
});
