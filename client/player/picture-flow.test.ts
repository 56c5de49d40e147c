/** When a picture moves and when it stands still. */
import { expect, it } from 'vitest';
import { PictureFlow } from './picture-flow.ts';

/** An element that plays, with a frame, unless told otherwise. */
function element(currentTime: number, change: { readonly paused?: boolean; readonly readyState?: number } = {}) {
  return { currentTime, paused: false, readyState: 4, ...change };
}

function flowAt(clock: { now: number }): PictureFlow {
  return new PictureFlow({ now: () => clock.now });
}

it('needs two looks to see that the clock of the element goes on', () => {
  const flow = flowAt({ now: 0 });
  expect(flow.look(element(1), undefined)).toBeUndefined();
  expect(flow.look(element(1.2), undefined)).toBe('moves');
});

it('stands when the clock of the element has not gone on for 750 ms', () => {
  const clock = { now: 1000 };
  const flow = flowAt(clock);
  flow.begin(1);
  clock.now = 1750;
  expect(flow.look(element(1), undefined)).toBeUndefined();
  clock.now = 1751;
  expect(flow.look(element(1), undefined)).toBe('stands');
});

it('does not take a paused element or one without a frame for one that moves', () => {
  const flow = flowAt({ now: 0 });
  flow.begin(1);
  expect(flow.look(element(2, { paused: true }), undefined)).toBeUndefined();
  expect(flow.look(element(2, { readyState: 1 }), undefined)).toBeUndefined();
  expect(flow.look(element(2), undefined)).toBe('moves');
});

it('sees nothing in a seek back but goes on from there', () => {
  const flow = flowAt({ now: 0 });
  flow.begin(60);
  expect(flow.look(element(20), undefined)).toBeUndefined();
  expect(flow.look(element(20.2), undefined)).toBe('moves');
});

it('goes by frames where the engine tells of them, though the clock of the element goes on', () => {
  const clock = { now: 1000 };
  const flow = flowAt(clock);
  flow.begin(1);
  expect(flow.look(element(1), 100)).toBe('moves');
  clock.now = 2000;
  expect(flow.look(element(2), 1000)).toBe('stands');
});

it('gives a change of the source 2.5 s until it counts, and ends that when the element plays', () => {
  const clock = { now: 1000 };
  const flow = flowAt(clock);
  flow.begin(1);
  flow.beginChange();
  clock.now = 3500;
  expect(flow.isChanging).toBe(true);
  expect(flow.look(element(1), undefined)).toBeUndefined();
  clock.now = 3501;
  expect(flow.isChanging).toBe(false);
  expect(flow.look(element(1), undefined)).toBe('stands');
  flow.beginChange();
  flow.begin(1);
  clock.now = 4252;
  expect(flow.look(element(1), undefined)).toBe('stands');
});
