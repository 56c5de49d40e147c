/** What becomes of bridges whose worker is taken away, and of workers that nobody needs. */
import { expect, test } from 'vitest';
import { encodeMedia } from '../outputs/cmaf/testing/encoded-media.ts';
import { beeps, goLive, publish, Recorder } from './testing/media.ts';
import { openStand } from './testing/stand.ts';

const SOUND = { audio: { source: beeps(8, [1], 48_000), args: ['-c:a', 'aac'] } };

test('a killed worker is replaced, and the sound goes on in order and without a new track', async () => {
  using stand = openStand();
  const { tracks, units } = await encodeMedia(SOUND);
  const live = goLive(stand.hub, 's', tracks);
  const heard = new Recorder();
  stand.bridges.acquire(live.stream, { kind: 'audio', codec: 'opus' }).subscribe(heard);
  const half = units.length / 2;
  await publish(live, units.slice(0, half), heard);
  await heard.until(() => heard.time > 3);
  const [worker] = stand.pool.workers;
  if (worker?.pid === undefined) throw new Error('no worker runs');
  const before = heard.units.length;
  process.kill(worker.pid, 'SIGKILL');
  await expect.poll(() => stand.bridges.counters.restarts, { timeout: 20_000 }).toBe(1);
  await expect.poll(() => stand.pool.workers.length, { timeout: 20_000 }).toBe(1);
  await publish(live, units.slice(half), heard);
  await heard.until(() => heard.time > 7.5);
  expect(stand.pool.workers[0]?.pid).not.toBe(worker.pid);
  expect(heard.tracks).toHaveLength(1);
  expect(heard.units.length).toBeGreaterThan(before);
  const steps = heard.units.slice(1).map(({ dts }, i) => dts - (heard.units[i]?.dts ?? 0));
  // What was missing was filled with silence: every packet follows the last.
  expect(new Set(steps)).toEqual(new Set([960]));
});
