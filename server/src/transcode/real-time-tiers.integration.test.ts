/** Viewers by WebRTC on networks that do not hold the publisher's picture: they get a tier, on the same timeline, and the picture again later. */
import type { Unit } from '@millrace/media/unit';
import { expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { encodeMedia } from '../outputs/cmaf/testing/encoded-media.ts';
import { RealTimeStand } from './testing/real-time-stand.ts';

/** A group of a second, many times. */
async function world(seconds: number) {
  const source = { source: 'testsrc2=s=320x240:r=10:d=1', args: ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '10', '-bf', '0'] };
  const { tracks, units } = await encodeMedia({ video: source, timescale: 90_000 });
  const all: Unit[] = Array.from({ length: seconds }, (_, i) => units.map((unit) => ({ ...unit, dts: unit.dts + i * 90_000, pts: unit.pts + i * 90_000 }))).flat();
  const stand = new RealTimeStand(new FakeClock());
  await stand.start(tracks, all);
  return stand;
}

/** The times of what came behind the viewer's first group, which is shown together. */
function timesOf({ pictures }: RealTimeStand): number[] {
  return pictures.map(({ time }) => time).filter((time) => time >= 90_000);
}

function gapsOf(stand: RealTimeStand): number[] {
  return timesOf(stand).flatMap((time, i, times) => (i === 0 ? [] : time - (times[i - 1] ?? 0)));
}

test('a viewer who loses packets gets a tier at its key frame, and the source again when the network holds; no picture is missing', async () => {
  await using stand = await world(90);
  await stand.play(2);
  expect([stand.height, stand.isMaking]).toEqual([240, false]);
  stand.loss = 0.25;
  await stand.until(() => stand.isMaking);
  stand.loss = 0;
  await stand.until(() => stand.height === 180);
  expect(stand.whep.counters).toMatchObject({ lowered: 1, raised: 0 });
  stand.loss = 0.25;
  await stand.until(() => stand.height === 120);
  stand.loss = 0;
  await stand.until(() => stand.height === 180);
  await stand.until(() => stand.height === 240);
  expect(stand.whep.counters).toMatchObject({ lowered: 2, raised: 2 });
  await stand.until(() => !stand.isMaking);
  await stand.play(1);

  // A key frame of a moment that was just shown comes a tick later.
  const shown = new Set(timesOf(stand).map((time) => time - (time % 9_000)));
  expect(stand.published.filter((time) => time >= 90_000 && time < Math.max(...shown) && !shown.has(time))).toEqual([]);
  expect(Math.min(...gapsOf(stand))).toBeGreaterThan(0);
  const changes = stand.pictures.filter(({ height }, i) => i > 0 && height !== stand.pictures[i - 1]?.height);
  expect(changes.map(({ height, key }) => [height, key])).toEqual([180, 120, 180, 240].map((height) => [height, true]));
});

test('a viewer who chooses a tier gets it and keeps it, whatever the network takes, until they choose another or none', async () => {
  await using stand = await world(60);
  await stand.play(1);
  expect(Object.values(stand.layers?.list() ?? {})[0]?.map(({ rid, height }) => [rid, height])).toEqual([
    ['240p', 240],
    ['180p', 180],
    ['120p', 120],
    ['90p', 90],
  ]);
  expect(stand.isMaking).toBe(false);
  stand.layers?.choose({ rid: '120p' });
  await stand.until(() => stand.height === 120);
  await stand.play(20);
  expect(stand.height).toBe(120);
  stand.layers?.choose({ rid: '240p' });
  await stand.until(() => stand.height === 240);
  stand.loss = 0.25;
  await stand.play(5);
  expect(stand.height).toBe(240);
  stand.layers?.choose({});
  await stand.until(() => stand.height === 180);
  expect(stand.whep.counters).toMatchObject({ lowered: 1, raised: 0 });
});

test('a tier that is turned off goes on to the next key frame, where the viewer gets what there is', async () => {
  await using stand = await world(60);
  await stand.play(2);
  stand.loss = 0.25;
  await stand.until(() => stand.height === 180);
  stand.loss = 0;
  await stand.play(1.3);
  stand.stand.mode = 'off';
  await stand.until(() => stand.height === 240);
  await stand.until(() => !stand.isMaking);
  await stand.play(1);
  const gaps = gapsOf(stand);
  // What the worker had not finished when it was stopped is left out.
  expect(Math.max(...gaps)).toBeLessThanOrEqual(0.3 * 90_000);
  expect(Math.min(...gaps)).toBeGreaterThan(0);
});

test('a viewer whose tier loses its worker sees what there is from the next key frame on, and the tier again', async () => {
  await using stand = await world(30);
  await stand.play(2);
  stand.loss = 0.25;
  await stand.until(() => stand.height === 180);
  stand.loss = 0;
  await stand.play(1.4);
  process.kill(stand.stand.pool.workers[0]?.pid ?? 0, 'SIGKILL');
  await expect.poll(() => stand.stand.ladders.counters.restarts, { timeout: 20_000 }).toBe(1);
  await stand.until(() => stand.isMaking);
  await stand.play(2);
  await stand.until(() => stand.height === 180);
  const gaps = gapsOf(stand);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(90_000);
  expect(Math.min(...gaps)).toBeGreaterThan(0);
});
