/** Bridges through the life of a broadcast: clocks that drift, publishers that return, formats that change. */
import { rescale } from '@millrace/media/time';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeMedia } from '../outputs/cmaf/testing/encoded-media.ts';
import { beeps, encodeIvf, goLive, onsetsOf, picturesOf, publish, Recorder, VP8 } from './testing/media.ts';
import { openStand } from './testing/stand.ts';

/** A sixth of what lips may be off. */
const LIPS_SECONDS = 0.006;

/** Of sound with one beep, that comes again and again. */
const ROUND_SECONDS = 30;
const ROUNDS = 4;

function encodeSound(seconds: number, at: readonly number[], rate: number, args: readonly string[] = []) {
  return encodeMedia({ audio: { source: beeps(seconds, at, rate), args: ['-c:a', 'aac', ...args] } });
}

describe('a bridge of sound', () => {
  let tracks: readonly Track[];
  let units: readonly Unit[];
  let seconds: number;
  /** Seconds at which the source beeps. */
  let before: readonly number[];

  beforeAll(async () => {
    const round = await encodeSound(ROUND_SECONDS, [5], 44_100);
    tracks = round.tracks;
    const [source] = tracks;
    if (!source) throw new Error('there is no sound');
    const ticks = round.units.length * 1024;
    units = Array.from({ length: ROUNDS }, (_, i) => round.units.map((unit): Unit => ({ ...unit, dts: unit.dts + i * ticks, pts: unit.pts + i * ticks }))).flat();
    seconds = (ROUNDS * ticks) / source.timescale;
    before = await onsetsOf(source, units);
    expect(before).toHaveLength(ROUNDS);
  });

  test.for([
    { name: 'keeps every beep in its place over minutes', pace: 1 },
    { name: 'follows the timestamps of a publisher whose sound card is slow', pace: 1.0004 },
    { name: 'follows the timestamps of a publisher whose sound card is fast', pace: 0.9996 },
  ])('$name', async ({ pace }) => {
    using stand = openStand();
    const live = goLive(stand.hub, 's', tracks);
    const heard = new Recorder();
    stand.bridges.acquire(live.stream, { kind: 'audio', codec: 'opus' }).subscribe(heard);
    const paced = units.map((unit): Unit => ({ ...unit, dts: Math.round(unit.dts * pace), pts: Math.round(unit.dts * pace) }));
    await publish(live, paced, heard);
    await heard.until(() => heard.time > seconds * pace - 0.5);
    const after = await onsetsOf(heard.onlyTrack, heard.units);
    expect(after).toHaveLength(ROUNDS);
    for (const [i, onset] of after.entries()) expect(Math.abs(onset - (before[i] ?? 0) * pace)).toBeLessThan(LIPS_SECONDS);
    const steps = heard.units.slice(1).map(({ dts }, i) => dts - (heard.units[i]?.dts ?? 0));
    // A gap of a packet would be heard.
    expect(Math.max(...steps)).toBeLessThan(2 * 960);
  });
});

test('sound goes on behind a new format, at its place, when the publisher returns', async () => {
  using stand = openStand();
  const { tracks, units } = await encodeSound(4, [1, 3], 48_000);
  const first = goLive(stand.hub, 's', tracks);
  const heard = new Recorder();
  stand.bridges.acquire(first.stream, { kind: 'audio', codec: 'opus' }).subscribe(heard);
  await publish(first, units, heard);
  await heard.until(() => heard.time > 3.8);
  first.publication.close('lost');
  await heard.until(() => heard.pauses === 1);
  const count = heard.units.length;
  const second = goLive(stand.hub, 's', tracks);
  await publish(second, units, heard, 20);
  await heard.until(() => heard.time > 23.8);
  expect(heard.tracks).toHaveLength(2);
  const after = heard.units.slice(count);
  expect((after[0]?.dts ?? 0) / 48_000).toBeCloseTo(20, 1);
  const onsets = await onsetsOf(heard.onlyTrack, after);
  // The timeline of the broadcast has the second publisher begin when its first unit came.
  for (const [i, onset] of onsets.entries()) expect(onset).toBeCloseTo(21 + 2 * i, 1);
  expect(onsets).toHaveLength(2);
});

test.for([
  { name: 'one channel at 22.05 kHz', rate: 22_050, channels: 1, told: [2, 1] },
  { name: 'one channel at 8 kHz', rate: 8_000, channels: 1, told: [2, 1] },
  { name: 'six channels', rate: 48_000, channels: 6, told: [2, 2] },
])('sound that changes to $name in mid-stream is told as another track and goes on in order', async ({ rate, channels, told }) => {
  using stand = openStand();
  const stereo = await encodeSound(3, [1], 48_000, ['-ac', '2']);
  const encoded = await encodeSound(3, [1], rate, ['-ac', String(channels)]);
  // The field of the file says two whatever the sound has.
  const other = { units: encoded.units, tracks: encoded.tracks.map((track) => (track.kind === 'audio' ? { ...track, channels } : track)) };
  const live = goLive(stand.hub, 's', stereo.tracks);
  const heard = new Recorder();
  stand.bridges.acquire(live.stream, { kind: 'audio', codec: 'opus' }).subscribe(heard);
  await publish(live, stereo.units, heard);
  await heard.until(() => heard.time > 2.8);
  live.publication.tracks(other.tracks);
  const timescale = other.tracks[0]?.timescale ?? 1;
  const moved = other.units.map((unit) => ({ ...unit, dts: unit.dts + 3 * timescale, pts: unit.pts + 3 * timescale }));
  await publish(live, moved, heard);
  await heard.until(() => heard.time > 5.8);
  expect(heard.tracks.map((track) => track.kind === 'audio' && track.channels)).toEqual(told);
  const times = heard.units.map(({ dts }) => dts);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test('pictures go on behind a new format and a key frame when the publisher returns', async () => {
  using stand = openStand();
  const units = await encodeIvf('testsrc2=size=320x180:rate=30:duration=2', ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '500k'], VP8);
  const first = goLive(stand.hub, 's', [VP8]);
  const heard = new Recorder();
  stand.bridges.acquire(first.stream, { kind: 'video', codec: 'h264', bFrames: false }).subscribe(heard);
  await publish(first, units, heard);
  await heard.until(() => heard.units.length === units.length);
  first.publication.close('lost');
  const second = goLive(stand.hub, 's', [VP8]);
  await publish(second, units, heard, 10);
  await heard.until(() => heard.units.length === 2 * units.length);
  expect(heard.tracks).toHaveLength(2);
  expect(heard.units[units.length]).toMatchObject({ key: true, pts: rescale(10, 1, VP8.timescale) });
  expect((await picturesOf(heard.onlyTrack, heard.units)).types).toHaveLength(2 * units.length);
});

test('a bridge that begins in a long group of pictures shows what is now, not what was', async () => {
  using stand = openStand();
  const units = await encodeIvf('testsrc2=size=320x180:rate=30:duration=6', ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '300', '-b:v', '500k'], VP8);
  const live = goLive(stand.hub, 's', [VP8]);
  const past = 120;
  for (const unit of units.slice(0, past)) live.publication.unit(unit, live.stream.broadcast.createdAt + (unit.dts / VP8.timescale) * 1000);
  const heard = new Recorder();
  stand.bridges.acquire(live.stream, { kind: 'video', codec: 'h264', bFrames: false }).subscribe(heard);
  await expect.poll(() => stand.pool.jobs, { timeout: 20_000 }).toBe(1);
  for (const unit of units.slice(past)) live.publication.unit(unit, live.stream.broadcast.createdAt + (unit.dts / VP8.timescale) * 1000);
  await heard.until(() => heard.units.at(-1)?.pts === units.at(-1)?.pts);
  expect(heard.units[0]).toMatchObject({ key: true, pts: units[past]?.pts });
  expect(heard.units).toHaveLength(units.length - past);
});
