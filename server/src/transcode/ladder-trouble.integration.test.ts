/** Ladders of sources that are odd, on machines that fail or are slow, for viewers who come and go. */
import type { Unit } from '@millrace/media/unit';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { type EncodedMedia, encodeMedia } from '../outputs/cmaf/testing/encoded-media.ts';
import { type EncoderSetting, X264 } from './job.ts';
import { contentsOf, fileOf, LadderStand, probe } from './testing/ladder-stand.ts';

const TIERS = ['180p', '120p', '90p'];
const ULTRAFAST = ['-c:v', 'libx264', '-preset', 'ultrafast'];

/** Each once: most tests begin with the same. */
const encoded = new Map<string, Promise<EncodedMedia>>();

function encode(source: string, args: readonly string[]): Promise<EncodedMedia> {
  const key = [source, ...args].join(' ');
  const media = encoded.get(key) ?? encodeMedia({ video: { source, args: [...ULTRAFAST, ...args] }, timescale: 90_000 });
  encoded.set(key, media);
  return media;
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

  test('pixels that are not square stay so: a tier is shown in the shape of the source', async () => {
    using stand = new LadderStand();
    const { tracks, units } = await encode('testsrc2=s=360x288:r=10:d=2', ['-pix_fmt', 'yuv420p', '-g', '10', '-bf', '0', '-vf', 'setsar=64/45']);
    await stand.send(stand.publish(tracks), units);
    await stand.heard.until(() => stand.heard.time >= 1.8);
    stand.hub.stop('stream', 'stopped');
    for (const name of TIERS) {
      const rendition = stand.rendition(name);
      const { width, height, pixels } = await probe(
        fileOf(
          rendition,
          rendition.segments.filter(({ gap }) => !gap),
        ),
      );
      expect((width * pixels) / height, name).toBeCloseTo(16 / 9, 2);
    }
  });

  test('a picture that slows down and speeds up in mid-stream has every picture in its tiers, at its time', async () => {
    using stand = new LadderStand();
    // 30 pictures a second, then 5, then 30.
    const { tracks, units } = await encode('testsrc2=s=320x240:r=30:d=6', [
      ...['-pix_fmt', 'yuv420p', '-g', '30', '-bf', '0', '-fps_mode', 'vfr'],
      ...['-vf', "select='lt(t,2)+gte(t,4)+not(mod(n,6))'", '-force_key_frames', 'expr:gte(t,n_forced)'],
    ]);
    expect(units.length).toBeGreaterThan(120);
    expect(units.length).toBeLessThan(140);
    await stand.send(stand.publish(tracks), units);
    const last = (units.at(-1)?.pts ?? 0) / 90_000;
    await stand.heard.until(() => stand.heard.time >= last - 0.05);
    stand.hub.stop('stream', 'stopped');
    const source = contentsOf(stand.rendition('video'));
    for (const name of TIERS) {
      const tier = contentsOf(stand.rendition(name));
      expect(tier).toEqual(source);
    }
  });

  test.for<[what: string, before: readonly string[], after: readonly string[]]>([
    ['of another shape', ['426x240', 'yuv420p'], ['240x426', 'yuv420p']],
    ['that is larger', ['320x240', 'yuv420p'], ['854x480', 'yuv420p']],
    ['with another form of pixels', ['320x240', 'yuv420p'], ['320x240', 'yuv422p10le']],
    ['of twice the rate', ['320x240', 'yuv420p'], ['320x240', 'yuv420p', '-r', '20']],
    ['that is interlaced', ['320x240', 'yuv420p'], ['320x240', 'yuv420p', '-flags', '+ildct+ilme', '-vf', 'interlace']],
    ['with pixels that are not square', ['320x240', 'yuv420p'], ['320x240', 'yuv420p', '-vf', 'setsar=4/3']],
    ['that is too small for tiers', ['320x240', 'yuv420p'], ['96x64', 'yuv420p']],
  ])('a picture %s in mid-stream: tiers come again behind the same discontinuity or are refused with a reason, and the source passes', async ([, before, after]) => {
    using stand = new LadderStand();
    const [first, second] = await Promise.all(
      [before, after].map(([size = '', format = '', ...args]) => {
        const rate = args.includes('-r') ? '20' : '10';
        return encode(`testsrc2=s=${size}:r=${rate}:d=2`, ['-pix_fmt', format, '-g', rate, '-bf', '0', ...args]);
      }),
    );
    if (!first || !second) throw new Error('nothing was encoded');
    const live = stand.publish(first.tracks);
    await stand.send(live, first.units);
    await stand.heard.until(() => stand.heard.time >= 1.85);
    const tiersBefore = new Map(TIERS.map((name) => [name, stand.rendition(name)]));
    live.publication.tracks(second.tracks);
    const hasTiers = stand.ladders.stateOf(live.stream)?.none === null;
    for (const unit of second.units) {
      if (hasTiers) await stand.heard.until(() => 2 + unit.dts / 90_000 - Math.max(2, stand.heard.time) < stand.leadSeconds);
      live.publication.unit({ ...unit, dts: unit.dts + 180_000, pts: unit.pts + 180_000 }, live.stream.broadcast.createdAt + 2000 + unit.dts / 90);
    }
    if (hasTiers) await stand.heard.until(() => stand.heard.time >= 3.5);
    stand.hub.stop('stream', 'stopped');

    const source = contentsOf(stand.rendition('video'));
    expect(source.reduce((sum, { pictures }) => sum + pictures, 0)).toBe(first.units.length + second.units.length);
    expect(hasTiers).toBe(after[0] !== '96x64');
    if (!hasTiers) {
      expect(stand.packager.renditions.map(({ name }) => name)).toEqual(['video']);
      for (const tier of tiersBefore.values()) expect(contentsOf(tier).length).toBeGreaterThan(0);
      return;
    }
    const [width = 0, height = 0] = (after[0] ?? '').split('x').map(Number);
    for (const name of TIERS) {
      const { segments } = stand.rendition(name);
      const there = segments.filter(({ gap }) => !gap);
      const track = there.at(-1)?.track;
      if (track?.kind !== 'video') throw new Error(`${name} has no picture`);
      expect(track.width / track.height).toBeCloseTo(width / height, 1);
      expect(Math.min(track.width, track.height)).toBe(Number.parseInt(name, 10));
      const discontinuities = (rendition: string) => stand.rendition(rendition).segments.flatMap(({ discontinuity, msn }) => (discontinuity ? msn : []));
      expect(discontinuities(name)).toHaveLength(1);
      expect(discontinuities(name)).toEqual(discontinuities('video'));
      expect(contentsOf(stand.rendition(name)).at(-1)?.msn).toBe(source.at(-1)?.msn);
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
  const tiers = [180, 90].map((height) => ({
    width: (height * 4) / 3,
    height,
    maxBitsPerSecond: 200_000,
    maxFramesPerSecond: 30,
    expectedFramesPerSecond: 10,
    preset: 'veryfast' as const,
  }));
  const job = stand.pool.open({
    spec: { kind: 'ladder', source, tiers, encoder: X264 },
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

describe('hardware', () => {
  const BROKEN: EncoderSetting = { name: 'vaapi', device: '/dev/null' };

  test('that has no room for one more is replaced by software in the same worker', async () => {
    using stand = new LadderStand({ encoders: { encoder: BROKEN, start: () => {}, close: () => {} } });
    const { tracks, units } = await encode('testsrc2=s=320x240:r=10:d=2', ['-pix_fmt', 'yuv420p', '-g', '10', '-bf', '0']);
    await stand.send(stand.publish(tracks), units);
    await stand.heard.until(() => stand.heard.time >= 1.8);
    stand.hub.stop('stream', 'stopped');
    expect(stand.ladders.counters.restarts).toBe(0);
    for (const name of TIERS) expect(contentsOf(stand.rendition(name)).length).toBeGreaterThan(0);
  });

  test('that two workers in a row were lost with is left alone, and nothing starts before it is known which there is', async () => {
    const clock = new FakeClock();
    let encoder: EncoderSetting | undefined;
    using stand = new LadderStand({
      clock,
      encoders: {
        get encoder() {
          return encoder;
        },
        start: () => {},
        close: () => {},
      },
    });
    const { tracks, units } = await encode('testsrc2=s=320x240:r=10:d=1', ['-pix_fmt', 'yuv420p', '-g', '10', '-bf', '0']);
    const { stream, publication } = stand.publish(tracks);
    for (const unit of units) publication.unit(unit, stream.broadcast.createdAt + unit.dts / 90);
    clock.advance(3_000);
    expect(stand.pool.jobs).toBe(0);
    encoder = BROKEN;
    clock.advance(1_000);
    expect(stand.pool.jobs).toBe(1);
    for (const restarts of [1, 2]) {
      await expect.poll(() => stand.pool.workers.length, { timeout: 20_000 }).toBe(1);
      process.kill(stand.pool.workers[0]?.pid ?? 0, 'SIGKILL');
      await expect.poll(() => stand.ladders.counters.restarts, { timeout: 20_000 }).toBe(restarts);
      clock.advance(1_000);
    }
    const starts = stand.log.lines.filter(({ message }) => message === 'a ladder starts');
    expect(starts.map(({ fields }) => 'encoder' in fields && fields.encoder)).toEqual(['vaapi', 'vaapi', 'x264']);
  });
});
