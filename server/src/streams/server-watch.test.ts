import { expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { quietLog } from '../lib/testing/quiet-log.ts';
import { ServerWatch } from './server-watch.ts';

function watching() {
  const clock = new FakeClock();
  const log = quietLog();
  const database = { isAway: false, seen: 0 };
  const ended: number[] = [];
  const givenUp: number[] = [];
  const watch = new ServerWatch({
    clock,
    log,
    servers: {
      async seen() {
        if (database.isAway) throw new Error('the database is away');
        database.seen++;
      },
    },
    async moved() {},
    broadcasts: { endAbandoned: async (unseenSince) => void ended.push(clock.now() - unseenSince.getTime()) },
    recordings: { endAbandoned: async (unseenSince) => void givenUp.push(clock.now() - unseenSince.getTime()) },
  });
  /** Each beat is over before the next. */
  const pass = async (seconds: number) => {
    for (let left = seconds; left > 0; left -= 30) {
      clock.advance(30_000);
      await watch.beat();
    }
  };
  return { database, ended, givenUp, log, pass, watch };
}

test('a server says twice a minute that it runs, and ends what is of those who have not said so for five minutes', async () => {
  const { database, ended, givenUp, pass, watch } = watching();
  await watch.start();
  expect(database.seen).toBe(1);
  await pass(270);
  expect(ended).toEqual([]);
  await pass(60);
  expect([ended[0], givenUp[0]]).toEqual([300_000, 300_000]);
  await watch.close();
});

test('a database that was away has heard nobody: all get their time to be heard again', async () => {
  const { database, ended, log, pass, watch } = watching();
  await watch.start();
  await pass(240);
  database.isAway = true;
  await pass(600);
  expect(log.lines.some(({ level }) => level === 'warn')).toBe(true);
  database.isAway = false;
  await pass(300);
  expect(ended).toEqual([]);
  await pass(60);
  expect(ended.length).toBeGreaterThan(0);
  await watch.close();
});
