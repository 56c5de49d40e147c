import { expect, it } from 'vitest';
import { FakeClock } from './clock.ts';
import { Shutdown } from './shutdown.ts';
import { quietLog } from './testing/quiet-log.ts';

function world() {
  const clock = new FakeClock();
  const log = quietLog();
  const exits: number[] = [];
  const done: string[] = [];
  const shutdown = new Shutdown({ clock, log, deadlineMs: 10_000, exit: (code) => exits.push(code) });
  return { clock, log, exits, done, shutdown };
}

it('stops step by step in order, then exits with 0', async () => {
  const { shutdown, exits, done } = world();
  shutdown.add('publishers', async () => {
    await Promise.resolve();
    done.push('publishers');
  });
  shutdown.add('sockets', () => void done.push('sockets'));
  shutdown.add('database', async () => void done.push('database'));
  await shutdown.stop('SIGTERM');
  expect(done).toEqual(['publishers', 'sockets', 'database']);
  expect(exits).toEqual([0]);
});

it('goes on after a step that fails, and exits with 1', async () => {
  const { shutdown, exits, done, log } = world();
  shutdown.add('publishers', () => Promise.reject(new Error('broken')));
  shutdown.add('database', () => void done.push('database'));
  await shutdown.stop('SIGTERM');
  expect(done).toEqual(['database']);
  expect(exits).toEqual([1]);
  expect(log.lines).toContainEqual(expect.objectContaining({ level: 'error', fields: expect.objectContaining({ step: 'publishers' }) }));
});

it('exits at once when it is asked again', async () => {
  const { shutdown, exits } = world();
  shutdown.add('stuck', () => new Promise(() => {}));
  void shutdown.stop('SIGINT');
  await shutdown.stop('SIGINT');
  expect(shutdown.isStopping).toBe(true);
  expect(exits).toEqual([1]);
});

it('names the step that hangs when the deadline is over', () => {
  const { clock, shutdown, exits, log } = world();
  shutdown.add('stuck', () => new Promise(() => {}));
  void shutdown.stop('SIGTERM');
  clock.advance(10_000);
  expect(exits).toEqual([1]);
  expect(log.lines.at(-1)).toMatchObject({ level: 'error', fields: { step: 'stuck' } });
});
