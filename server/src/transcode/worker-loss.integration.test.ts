/** What becomes of bridges whose worker is taken away, and of workers that nobody needs. */
import type { Unit } from '@millrace/media/unit';
import { expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { encodeMedia } from '../outputs/cmaf/testing/encoded-media.ts';
import { AUDIO } from '../stream/testing/source.ts';
import { beeps, encodeIvf, goLive, picturesOf, publish, Recorder, VP8 } from './testing/media.ts';
import { openStand, type Stand } from './testing/stand.ts';

test.for([48_000, 44_100])('a killed worker is replaced, and sound at %i Hz goes on in order and without a new track', async (rate) => {
  using stand = openStand();
  const { tracks, units } = await encodeMedia({ audio: { source: beeps(8, [1], rate), args: ['-c:a', 'aac'] } });
  const live = goLive(stand.hub, 's', tracks);
  const heard = new Recorder();
  stand.bridges.acquire(live.stream, { kind: 'audio', codec: 'opus' }).subscribe(heard);
  const half = units.length / 2;
  await publish(live, units.slice(0, half), heard);
  await heard.until(() => heard.time > 3);
  const before = heard.units.length;
  const pid = pidOf(stand);
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => stand.bridges.counters.restarts, { timeout: 20_000 }).toBe(1);
  await expect.poll(() => stand.pool.workers.length, { timeout: 20_000 }).toBe(1);
  await publish(live, units.slice(half), heard);
  await heard.until(() => heard.time > 7.5);
  expect(stand.pool.workers[0]?.pid).not.toBe(pid);
  expect(heard.tracks).toHaveLength(1);
  expect(heard.units.length).toBeGreaterThan(before);
  const steps = heard.units.slice(1).map(({ dts }, i) => dts - (heard.units[i]?.dts ?? 0));
  // What was missing was filled with silence: every packet follows the last.
  expect(new Set(steps)).toEqual(new Set([960]));
});

test('pictures whose worker is killed go on with a key frame, in order, and can be decoded', async () => {
  using stand = openStand();
  const units = await encodeVp8(6);
  const live = goLive(stand.hub, 's', [VP8]);
  const heard = new Recorder();
  stand.bridges.acquire(live.stream, PLAIN).subscribe(heard);
  const half = units.length / 2;
  await publish(live, units.slice(0, half), heard);
  await heard.until(() => heard.units.length === half);
  process.kill(pidOf(stand), 'SIGKILL');
  await expect.poll(() => stand.bridges.counters.restarts, { timeout: 20_000 }).toBe(1);
  await expect.poll(() => stand.pool.jobs, { timeout: 20_000 }).toBe(1);
  await publish(live, units.slice(half), heard);
  await heard.until(() => heard.units.length === units.length);
  // The new worker decodes from the last key frame of the source, and shows nothing twice.
  expect(heard.tracks).toHaveLength(1);
  expect(heard.units.map(({ pts }) => pts)).toEqual(units.map(({ pts }) => pts));
  expect(heard.units[half]?.key).toBe(true);
  expect((await picturesOf(heard.onlyTrack, heard.units)).types).toHaveLength(units.length);
});

test('a worker that stands still costs whole groups of pictures, which are counted, and nothing of the publisher', async () => {
  // Held still, so that the worker is slow and not given up.
  using stand = openStand(new FakeClock());
  const units = await encodeVp8(2);
  const live = goLive(stand.hub, 's', [VP8]);
  const heard = new Recorder();
  stand.bridges.acquire(live.stream, PLAIN).subscribe(heard);
  await publish(live, units, heard);
  await heard.until(() => heard.units.length === units.length);
  const pid = pidOf(stand);
  process.kill(pid, 'SIGSTOP');
  const more = repeated(units, 1, 40);
  for (const unit of more) {
    live.publication.unit(unit, live.stream.broadcast.createdAt + (unit.dts / VP8.timescale) * 1000);
    // As many turns as a publisher's packets would take.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { droppedUnits } = stand.bridges.counters;
  expect(droppedUnits).toBeGreaterThan(0);
  expect(live.stream.meter.read(80).video?.framesPerSecond).toBeGreaterThan(29);
  process.kill(pid, 'SIGCONT');
  const last = more.at(-1)?.pts;
  await heard.until(() => heard.units.at(-1)?.pts === last);
  expect(stand.bridges.counters).toMatchObject({ droppedUnits, restarts: 0 });
  expect(heard.units).toHaveLength(units.length + more.length - droppedUnits);
  expect((await picturesOf(heard.onlyTrack, heard.units)).types).toHaveLength(heard.units.length);
});

test('work that no worker can do is given up after three tries, and tried again when the format changes', async () => {
  const clock = new FakeClock();
  using stand = openStand(clock);
  const broken = { ...AUDIO, config: Uint8Array.of(0xff, 0xff) };
  const { stream, publication } = goLive(stand.hub, 's', [broken]);
  const heard = new Recorder();
  stand.bridges.acquire(stream, { kind: 'audio', codec: 'opus' }).subscribe(heard);
  for (const tries of [1, 2, 3]) {
    await expect.poll(() => stand.pool.counters.failedJobs, { timeout: 20_000 }).toBe(tries);
    expect(heard.fails).toBe(tries < 3 ? 0 : 1);
    clock.advance(1_000);
  }
  expect(stand.log.lines.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual(['a bridge gives up until the format changes']);
  expect(stand.bridges.running(stream)).toMatchObject([{ kind: 'audio', failed: true }]);
  clock.advance(600_000);
  expect(stand.pool.counters.failedJobs).toBe(3);
  publication.tracks([AUDIO]);
  await expect.poll(() => stand.pool.jobs, { timeout: 20_000 }).toBe(1);
  expect(stand.bridges.running(stream)).toMatchObject([{ kind: 'audio', failed: false }]);
});

const PLAIN = { kind: 'video', codec: 'h264', bFrames: false } as const;

function encodeVp8(seconds: number): Promise<Unit[]> {
  const args = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '300', '-b:v', '500k'];
  return encodeIvf(`testsrc2=size=320x180:rate=30:duration=${seconds}`, args, VP8);
}

/** Two seconds of pictures again and again. */
function repeated(units: readonly Unit[], from: number, times: number): Unit[] {
  const ticks = 2 * VP8.timescale;
  return Array.from({ length: times }, (_, i) => units.map((unit) => ({ ...unit, dts: unit.dts + (from + i) * ticks, pts: unit.pts + (from + i) * ticks }))).flat();
}

function pidOf({ pool }: Stand): number {
  const pid = pool.workers[0]?.pid;
  if (pid === undefined) throw new Error('no worker runs');
  return pid;
}

test('a worker of its own that could do nothing with its job does not stay', async () => {
  const clock = new FakeClock();
  using stand = openStand(clock);
  const lost = Promise.withResolvers<string>();
  const listener = { format: () => {}, unit: () => {}, lost: lost.resolve };
  const job = stand.pool.open({ spec: { kind: 'picture', source: VP8 }, listener, alone: true });
  job.send({ dts: 0, pts: 0, key: true, data: Uint8Array.of(1, 2, 3) });
  expect(await lost.promise).toBe('failed');
  expect(stand.pool.workers).toHaveLength(1);
  for (let seconds = 0; seconds < 30 && stand.pool.workers.length > 0; seconds += 2) {
    const { cpuMicros } = stand.pool.counters;
    clock.advance(2_000);
    // It has answered: it is not given up for that.
    if (stand.pool.workers.length > 0) await expect.poll(() => stand.pool.counters.cpuMicros, { timeout: 20_000 }).toBeGreaterThan(cpuMicros);
  }
  expect(stand.pool.workers).toHaveLength(0);
  expect(stand.pool.counters).toMatchObject({ hangs: 0, crashes: 0 });
});
