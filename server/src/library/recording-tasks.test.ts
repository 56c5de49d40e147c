import { expect, it } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { RecordingTasks } from './recording-tasks.ts';

function stand() {
  const clock = new FakeClock();
  const told: unknown[] = [];
  const tasks: RecordingTasks = new RecordingTasks({ clock, progressed: (id) => void told.push(tasks.of(id)) });
  return { clock, told, tasks };
}

it('says nothing of what is done within a second', () => {
  const { clock, told, tasks } = stand();
  const progress = tasks.begin('a', 'download');
  progress.advance(0.5);
  clock.advance(999);
  expect(tasks.of('a')).toBeNull();
  progress.end();
  clock.advance(10_000);
  expect(told).toEqual([]);
});

it('tells how far it is and how long it will take, from where it began, and that it is over', () => {
  const { clock, told, tasks } = stand();
  const progress = tasks.begin('a', 'repair');
  clock.advance(4_000);
  // It waited for its turn: that says nothing of its speed.
  progress.advance(0);
  clock.advance(2_000);
  progress.advance(0.25);
  progress.end();
  progress.end();
  expect(told).toEqual([{ kind: 'repair', share: 0, secondsLeft: null }, { kind: 'repair', share: 0, secondsLeft: null }, { kind: 'repair', share: 0.25, secondsLeft: 6 }, null]);
});

it('holds the later of two of the same recording, and of each recording its own', () => {
  const { clock, tasks } = stand();
  const first = tasks.begin('a', 'download');
  const second = tasks.begin('a', 'download');
  tasks.begin('b', 'repair').advance(2);
  clock.advance(1_000);
  second.advance(0.5);
  first.advance(0.9);
  first.end();
  expect(tasks.of('a')).toMatchObject({ kind: 'download', share: 0.5 });
  expect(tasks.of('b')).toEqual({ kind: 'repair', share: 1, secondsLeft: null });
  second.end();
  expect(tasks.of('a')).toBeNull();
  expect(tasks.of('nothing')).toBeNull();
});
