/** Ladders of sources that are odd, on machines that fail or are slow, for viewers who come and go. */
import type { Unit } from '@millrace/media/unit';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { encodeMedia } from '../outputs/cmaf/testing/encoded-media.ts';
import { contentsOf, fileOf, LadderStand, probe } from './testing/ladder-stand.ts';

const TIERS = ['180p', '120p', '90p'];
const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast'];

function encode(source: string, args: readonly string[]) {
  return encodeMedia({ video: { source, args: [...X264, ...args] }, timescale: 90_000 });
}

/** The same group again and again, as though the source went on. */
function repeated(units: readonly Unit[], seconds: number, times: number): Unit[] {
  const ticks = seconds * 90_000;
  return Array.from({ length: times }, (_, i) => units.map((unit) => ({ ...unit, dts: unit.dts + i * ticks, pts: unit.pts + i * ticks }))).flat();
}

describe('odd sources', () => {
  test.for([
    ['853×479', 'testsrc2=s=853x479:r=10:d=3', ['-pix_fmt', 'yuv444p'], '180p', 320, 180, 30],
    ['portrait', 'testsrc2=s=240x426:r=10:d=3', ['-pix_fmt', 'yuv420p'], '180p', 180, 320, 30],
    ['4:4:4', 'testsrc2=s=320x240:r=10:d=3', ['-pix_fmt', 'yuv444p'], '180p', 240, 180, 30],
    ['10 bits a sample', 'testsrc2=s=320x240:r=10:d=3', ['-pix_fmt', 'yuv420p10le'], '180p', 240, 180, 30],
    ['full range', 'testsrc2=s=320x240:r=10:d=3', ['-pix_fmt', 'yuvj420p'], '180p', 240, 180, 30],
    ['interlaced', 'testsrc2=s=320x240:r=20:d=3,interlace', ['-pix_fmt', 'yuv420p', '-flags', '+ildct+ilme'], '180p', 240, 180, 60],
    ['one picture in two seconds', 'testsrc2=s=320x240:r=0.5:d=12', ['-pix_fmt', 'yuv420p'], '180p', 240, 180, 6],
    ['120 pictures a second', 'testsrc2=s=320x240:r=120:d=3', ['-pix_fmt', 'yuv420p'], '180p', 240, 180, 90],
    ['60 pictures a second', 'testsrc2=s=320x240:r=60:d=3', ['-pix_fmt', 'yuv420p'], '180p', 240, 180, 90],
  ] as const)('%s: the tier comes out in 4:2:0 with 8 bits, whole pictures and even sides', async ([, source, args, name, width, height, most]) => {
    using stand = new LadderStand();
    if (source.includes('r=0.5')) stand.leadSeconds = 2.5;
    const { tracks, units } = await encode(source, ['-g', '20', '-bf', '0', ...args]);
    const live = stand.publish(tracks);
    await stand.send(live, units);
    const last = (units.at(-1)?.pts ?? 0) / 90_000;
    // Deinterlacing waits for the picture that follows.
    await stand.heard.until(() => stand.heard.time >= last - 0.15);
    stand.hub.stop('stream', 'stopped');
    const rendition = stand.rendition(name);
    const shown = await probe(
      fileOf(
        rendition,
        rendition.segments.filter(({ gap }) => !gap),
      ),
    );
    expect(shown).toMatchObject({ width, height, format: 'yuv420p', profile: 'Main', interlaced: false });
    expect(shown.frames).toBeGreaterThan(most * 0.6);
    expect(shown.frames).toBeLessThanOrEqual(most + 1);
    expect(contentsOf(rendition).map(({ msn }) => msn)).toEqual(contentsOf(stand.rendition('video')).map(({ msn }) => msn));
  });

  test('a picture that is smaller than every tier passes, and the owner is told why there are none', async () => {
    using stand = new LadderStand();
    const { tracks, units } = await encode('testsrc2=s=96x64:r=10:d=2', ['-pix_fmt', 'yuv420p', '-g', '10', '-bf', '0']);
    const { stream, publication } = stand.publish(tracks);
    for (const unit of units) publication.unit(unit, stream.broadcast.createdAt + unit.dts / 90);
    expect(stand.packager.renditions.map(({ name }) => name)).toEqual(['video']);
    expect(stand.ladders.stateOf(stream)).toEqual({ tiers: [], cores: 0, none: 'SMALL' });
  });

  test('a picture that changes its size in mid-stream has tiers in the new shape, behind the same discontinuity', async () => {
    using stand = new LadderStand();
    const wide = await encode('testsrc2=s=426x240:r=10:d=3', ['-pix_fmt', 'yuv420p', '-g', '10', '-bf', '0']);
    const tall = await encode('testsrc2=s=240x426:r=20:d=3', ['-pix_fmt', 'yuv420p', '-g', '20', '-bf', '0']);
    const live = stand.publish(wide.tracks);
    await stand.send(live, wide.units);
    await stand.heard.until(() => stand.heard.time >= 2.9);
    live.publication.tracks(tall.tracks);
    for (const unit of tall.units) {
      await stand.heard.until(() => 3 + unit.dts / 90_000 - stand.heard.time < stand.leadSeconds);
      live.publication.unit({ ...unit, dts: unit.dts + 270_000, pts: unit.pts + 270_000 }, live.stream.broadcast.createdAt + 3000 + unit.dts / 90);
    }
    await stand.heard.until(() => stand.heard.time >= 5.8);
    stand.hub.stop('stream', 'stopped');
    for (const name of TIERS) {
      const segments = stand.rendition(name).segments.filter(({ gap }) => !gap);
      const sizes = segments.map(({ track }) => (track?.kind === 'video' ? track.width > track.height : undefined));
      expect([sizes[0], sizes.at(-1)]).toEqual([true, false]);
      const changes = segments.filter(({ discontinuity }) => discontinuity).map(({ msn }) => msn);
      expect(changes).toEqual(
        stand
          .rendition('video')
          .segments.filter(({ discontinuity }) => discontinuity)
          .map(({ msn }) => msn),
      );
      expect(changes).toHaveLength(1);
    }
  });
});

test('a killed worker is replaced: the tiers resume where a segment begins, and the source has missed nothing', async () => {
  using stand = new LadderStand();
  const { tracks, units } = await encode('testsrc2=s=320x240:r=10:d=2', ['-pix_fmt', 'yuv420p', '-g', '10', '-bf', '0']);
  const live = stand.publish(tracks);
  const all = repeated(units, 2, 6);
  const half = all.length / 2;
  await stand.send(live, all.slice(0, half));
  await stand.heard.until(() => stand.heard.time >= 5.8);
  process.kill(stand.pool.workers[0]?.pid ?? 0, 'SIGKILL');
  await expect.poll(() => stand.ladders.counters.restarts, { timeout: 20_000 }).toBe(1);
  await expect.poll(() => stand.pool.jobs, { timeout: 20_000 }).toBe(1);
  await stand.send(live, all.slice(half));
  await stand.heard.until(() => stand.heard.time >= 11.8);
  stand.hub.stop('stream', 'stopped');
  const source = contentsOf(stand.rendition('video'));
  expect(source.reduce((sum, { pictures }) => sum + pictures, 0)).toBe(all.length);
  for (const name of TIERS) {
    const rendition = stand.rendition(name);
    const tier = contentsOf(rendition);
    expect(tier.at(-1)).toMatchObject({ msn: source.at(-1)?.msn, start: source.at(-1)?.start });
    for (const { msn, start, beginsWithKey } of tier)
      expect({ msn, start, beginsWithKey }).toEqual({ msn, start: source.find((each) => each.msn === msn)?.start, beginsWithKey: true });
    expect(
      (
        await probe(
          fileOf(
            rendition,
            rendition.segments.filter(({ gap }) => !gap),
          ),
        )
      ).frames,
    ).toBe(tier.reduce((sum, { pictures }) => sum + pictures, 0));
  }
});

test('a machine that cannot keep up loses the largest tier first, and the owner is told', async () => {
  using stand = new LadderStand();
  const { tracks, units } = await encode('testsrc2=s=320x240:r=10:d=2', ['-pix_fmt', 'yuv420p', '-g', '10', '-bf', '0']);
  const live = stand.publish(tracks);
  await stand.send(live, units);
  await stand.heard.until(() => stand.heard.time >= 1.8);
  const pid = stand.pool.workers[0]?.pid ?? 0;
  // As good as a machine that has no time for it.
  process.kill(pid, 'SIGSTOP');
  for (const unit of repeated(units, 2, 3).slice(units.length)) live.publication.unit(unit, live.stream.broadcast.createdAt + unit.dts / 90);
  await expect.poll(() => stand.ladders.stateOf(live.stream)?.tiers[0], { timeout: 20_000 }).toMatchObject({ name: '180p', state: 'SHED' });
  process.kill(pid, 'SIGCONT');
  expect(stand.packager.renditions.map(({ name }) => name)).toEqual(['video', '120p', '90p']);
  expect(stand.ladders.counters.shed).toBe(1);
  expect(stand.ladders.stateOf(live.stream)?.tiers.slice(1)).toMatchObject([{ state: 'RUNNING' }, { state: 'RUNNING' }]);
});

test('a tier that was given up tells its format when it comes again, so that it can be joined', async () => {
  using stand = new LadderStand();
  const { tracks, units } = await encode('testsrc2=s=320x240:r=10:d=1', ['-pix_fmt', 'yuv420p', '-g', '10', '-bf', '0']);
  const source = tracks.find((track) => track.kind === 'video');
  if (!source) throw new Error('there is a picture');
  const said: string[] = [];
  let pictures = 0;
  const tiers = [180, 90].map((height) => ({ width: (height * 4) / 3, height, maxBitsPerSecond: 200_000, maxFramesPerSecond: 30 }));
  const job = stand.pool.open({
    spec: { kind: 'ladder', source, tiers, hardware: false },
    alone: false,
    listener: {
      format: (_format, output) => said.push(`format ${output}`),
      unit: ({ key }, output) => {
        pictures += output;
        if (output === 0 && key) said.push('key frame 0');
      },
      lost: (_why, detail) => said.push(detail),
    },
  });
  const groups = repeated(units, 1, 3);
  for (const [i, unit] of groups.entries()) {
    if (i === 10 || i === 20) job.setOutputs([i === 20, true]);
    job.send(unit);
  }
  await expect.poll(() => pictures, { timeout: 20_000 }).toBe(groups.length);
  expect(said.filter((each) => each !== 'format 1')).toEqual(['format 0', 'key frame 0', 'format 0', 'key frame 0']);
});

describe('with `auto`', () => {
  test('tiers are told at once, and made when somebody plays', async () => {
    using stand = new LadderStand();
    stand.mode = 'auto';
    const { tracks, units } = await encode('testsrc2=s=320x240:r=10:d=2', ['-pix_fmt', 'yuv420p', '-g', '10', '-bf', '0']);
    const { stream, publication } = stand.publish(tracks);
    const send = (some: readonly Unit[]) => {
      for (const unit of some) publication.unit(unit, stream.broadcast.createdAt + unit.dts / 90);
    };
    const all = repeated(units, 2, 5);
    // Looking at the packager through the registry would be playing.
    send(all.slice(0, 50));
    expect(stand.pool.jobs).toBe(0);
    expect(stand.ladders.stateOf(stream)?.tiers.map(({ state }) => state)).toEqual(['IDLE', 'IDLE', 'IDLE']);
    const { packager } = stand;
    expect(packager.renditions.map(({ name }) => name)).toEqual(['video', ...TIERS]);
    const askedAt = performance.now();
    await stand.heard.until(() => stand.heard.units.length > 0);
    const startedMs = performance.now() - askedAt;
    await stand.send({ stream, publication }, all.slice(50, 90));
    await stand.heard.until(() => stand.heard.time >= 8.5);
    expect(startedMs).toBeLessThan(10_000);
    const begun = contentsOf(stand.rendition('90p'));
    expect(begun.length).toBeGreaterThan(0);
    // With the segment that began next.
    expect(begun[0]).toMatchObject({ start: 5, msn: contentsOf(stand.rendition('video')).find(({ start }) => start === 5)?.msn });
  });

  test('tiers are made no more when nobody has played for a while', async () => {
    const clock = new FakeClock();
    using stand = new LadderStand({ clock });
    stand.mode = 'auto';
    const { tracks, units } = await encode('testsrc2=s=320x240:r=10:d=2', ['-pix_fmt', 'yuv420p', '-g', '10', '-bf', '0']);
    const { stream, publication } = stand.publish(tracks);
    for (const unit of units) publication.unit(unit, stream.broadcast.createdAt + unit.dts / 90);
    expect(stand.packager.ready).toBe(true);
    await stand.heard.until(() => stand.heard.units.length > 0);
    clock.advance(8_000);
    // The worker is asked whether it lives, and has time to answer.
    await expect.poll(() => stand.pool.counters.cpuMicros, { timeout: 20_000 }).toBeGreaterThan(0);
    expect(stand.pool.jobs).toBe(1);
    clock.advance(8_000);
    expect(stand.pool.jobs).toBe(0);
    expect(stand.ladders.counters.restarts).toBe(0);
    expect(stand.ladders.stateOf(stream)?.tiers.map(({ state }) => state)).toEqual(['IDLE', 'IDLE', 'IDLE']);
  });

  test('and `off` nothing is made, nor are players told of it', async () => {
    using stand = new LadderStand();
    stand.mode = 'off';
    const { tracks, units } = await encode('testsrc2=s=320x240:r=10:d=2', ['-pix_fmt', 'yuv420p', '-g', '10', '-bf', '0']);
    const { stream, publication } = stand.publish(tracks);
    for (const unit of units) publication.unit(unit, stream.broadcast.createdAt + unit.dts / 90);
    expect(stand.packager.renditions.map(({ name }) => name)).toEqual(['video']);
    expect(stand.ladders.stateOf(stream)).toBeUndefined();
    expect(stand.pool.jobs).toBe(0);
  });
});
