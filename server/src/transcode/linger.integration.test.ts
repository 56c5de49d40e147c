/** When bridges and workers begin and end, by a clock that the test moves. */
import { expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { AUDIO } from '../stream/testing/source.ts';
import { BRIDGE_LINGER_MS } from './bridges.ts';
import { goLive } from './testing/media.ts';
import { openStand } from './testing/stand.ts';

/** How often a worker is asked whether it lives. */
const PING_MS = 2_000;

const OPUS = { kind: 'audio', codec: 'opus' } as const;

test('a bridge starts with the first lease, is shared, and stops ten seconds after the last; then its worker stops', async () => {
  const clock = new FakeClock();
  using stand = openStand(clock);
  const { stream } = goLive(stand.hub, 's', [AUDIO]);
  /** In steps of the worker's heartbeat, each of which it answers. */
  const advance = async (ms: number) => {
    for (let left = ms; left > 0; left -= PING_MS) {
      const { cpuMicros } = stand.pool.counters;
      clock.advance(Math.min(PING_MS, left));
      if (left >= PING_MS && stand.pool.workers.length > 0) await expect.poll(() => stand.pool.counters.cpuMicros, { timeout: 20_000 }).toBeGreaterThan(cpuMicros);
    }
  };
  expect(stand.pool.workers).toHaveLength(0);
  const first = stand.bridges.acquire(stream, OPUS);
  const second = stand.bridges.acquire(stream, OPUS);
  await expect.poll(() => stand.pool.jobs).toBe(1);
  expect(stand.bridges.running(stream)).toEqual([{ kind: 'audio', from: 'aac', to: 'opus', reason: 'CODEC', failed: false }]);
  first.release();
  first.release();
  await advance(BRIDGE_LINGER_MS);
  expect(stand.pool.jobs).toBe(1);
  second.release();
  await advance(BRIDGE_LINGER_MS - 1);
  stand.bridges.acquire(stream, OPUS).release();
  await advance(BRIDGE_LINGER_MS - 1);
  expect(stand.pool.jobs).toBe(1);
  await advance(1);
  expect(stand.pool.jobs).toBe(0);
  expect(stand.bridges.running(stream)).toEqual([]);
  expect(stand.pool.workers).toHaveLength(1);
  await advance(30_000);
  expect(stand.pool.workers).toHaveLength(0);
});

test('a worker that answers nothing is killed, and the bridge goes on in another', async () => {
  const clock = new FakeClock();
  using stand = openStand(clock);
  const { stream } = goLive(stand.hub, 's', [AUDIO]);
  stand.bridges.acquire(stream, OPUS);
  await expect.poll(() => stand.pool.jobs).toBe(1);
  const pid = stand.pool.workers[0]?.pid;
  if (pid === undefined) throw new Error('no worker runs');
  process.kill(pid, 'SIGSTOP');
  clock.advance(12_000);
  expect(stand.pool.counters.hangs).toBe(1);
  clock.advance(100);
  await expect.poll(() => stand.pool.jobs).toBe(1);
  expect(stand.pool.workers.map((worker) => worker.pid)).not.toContain(pid);
});
