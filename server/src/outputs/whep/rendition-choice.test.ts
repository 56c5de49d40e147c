import { expect, it } from 'vitest';
import { RenditionChoice, type ViewerSecond } from './rendition-choice.ts';

const CLEAN: ViewerSecond = { loss: 0, fellBehind: false };
const LOSSY: ViewerSecond = { loss: 0.3, fellBehind: false };
const SOME_LOSS: ViewerSecond = { loss: 0.05, fellBehind: false };

/** A viewer whose seconds are told one after the other. */
function viewer(levels = 3) {
  const choice = new RenditionChoice();
  let nowMs = 0;
  return {
    choice,
    /** What came of the last of so many seconds. */
    seconds(count: number, second: ViewerSecond) {
      let came: ReturnType<RenditionChoice['second']> = 'stay';
      for (let i = 0; i < count; i++) {
        nowMs += 1_000;
        came = choice.second(second, { levels, nowMs });
      }
      return came;
    },
    /** Seconds without loss until it is given more. */
    untilUp(most: number): number | undefined {
      for (let i = 1; i <= most; i++) if (this.seconds(1, CLEAN) === 'up') return i;
      return undefined;
    },
  };
}

it('begins with the best, and stays there on a good network', () => {
  const { choice, seconds } = viewer();
  expect(seconds(600, CLEAN)).toBe('stay');
  expect(choice.level).toBe(0);
});

it('goes down after two lossy seconds, not after one', () => {
  const { choice, seconds } = viewer();
  expect(seconds(1, LOSSY)).toBe('stay');
  expect(seconds(1, CLEAN)).toBe('stay');
  expect(seconds(1, LOSSY)).toBe('stay');
  expect(seconds(1, LOSSY)).toBe('down');
  expect(choice.level).toBe(1);
  expect(seconds(2, LOSSY)).toBe('down');
  expect(choice.level).toBe(2);
});

it('says when there is nothing less to give', () => {
  const { choice, seconds } = viewer(1);
  expect(seconds(2, LOSSY)).toBe('least');
  expect(choice.level).toBe(0);
});

it('goes down at once for a viewer who took nothing', () => {
  const { seconds } = viewer();
  expect(seconds(1, { loss: 0, fellBehind: true })).toBe('down');
});

it('goes up after a good while without loss, and not while there is some', () => {
  const world = viewer();
  world.seconds(2, LOSSY);
  expect(world.seconds(120, SOME_LOSS)).toBe('stay');
  expect(world.choice.level).toBe(1);
  expect(world.untilUp(60)).toBe(16);
  expect(world.choice.level).toBe(0);
});

it('waits twice as long after each trial that failed, up to four minutes, and is patient anew once one held', () => {
  const world = viewer(2);
  const waits: (number | undefined)[] = [];
  for (let i = 0; i < 7; i++) {
    world.seconds(2, LOSSY);
    waits.push(world.untilUp(400));
  }
  expect(waits).toEqual([16, 31, 61, 121, 241, 241, 241]);
  world.seconds(30, CLEAN);
  world.seconds(2, LOSSY);
  expect(world.untilUp(400)).toBe(16);
});

it('follows the renditions that there are', () => {
  const choice = new RenditionChoice();
  for (let nowMs = 1_000; nowMs <= 4_000; nowMs += 1_000) choice.second(LOSSY, { levels: 3, nowMs });
  expect(choice.level).toBe(2);
  choice.second(CLEAN, { levels: 2, nowMs: 5_000 });
  expect(choice.level).toBe(1);
});
