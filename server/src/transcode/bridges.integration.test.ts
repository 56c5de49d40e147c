/** Every bridge with real media: what comes out is decoded by ffmpeg and compared with what went in. */
import { describe, expect, test } from 'vitest';
import { encodeMedia } from '../outputs/cmaf/testing/encoded-media.ts';
import { beeps, encodeIvf, goLive, onsetsOf, picturesOf, publish, Recorder, VP8 } from './testing/media.ts';
import { openStand } from './testing/stand.ts';

/** Less than anybody sees: a third of what lips may be off. */
const LIPS_SECONDS = 0.012;

describe('sound', () => {
  const sources = [
    { name: 'AAC at 44.1 kHz', to: 'opus', rate: 44_100, args: ['-c:a', 'aac', '-ac', '2'] },
    { name: 'AAC in one channel at 22.05 kHz', to: 'opus', rate: 22_050, args: ['-c:a', 'aac', '-ac', '1'] },
    { name: 'AAC in one channel at 8 kHz', to: 'opus', rate: 8_000, args: ['-c:a', 'aac', '-ac', '1'] },
    { name: 'AAC with six channels', to: 'opus', rate: 48_000, args: ['-c:a', 'aac', '-ac', '6'] },
    { name: 'Opus', to: 'aac', rate: 48_000, args: ['-c:a', 'libopus', '-strict', '-2'] },
  ] as const;
  for (const { name, to, rate, args } of sources) {
    test(`${name} becomes ${to} with every beep in its place`, async () => {
      using stand = openStand();
      const { tracks, units } = await encodeMedia({ audio: { source: beeps(12, [2, 6, 10], rate), args } });
      const live = goLive(stand.hub, 's', tracks);
      const lease = stand.bridges.acquire(live.stream, { kind: 'audio', codec: to });
      const heard = new Recorder();
      lease.subscribe(heard);
      await publish(live, units, heard);
      await heard.until(() => heard.time > 11.5);
      expect(heard.tracks).toHaveLength(1);
      expect(heard.onlyTrack).toMatchObject({ id: 1002, codec: to, timescale: 48_000, sampleRate: 48_000 });
      const [source] = tracks;
      const before = source ? await onsetsOf(source, units) : [];
      const after = await onsetsOf(heard.onlyTrack, heard.units);
      expect(before).toHaveLength(3);
      expect(after).toHaveLength(3);
      for (const [i, onset] of after.entries()) expect(Math.abs(onset - (before[i] ?? 0))).toBeLessThan(LIPS_SECONDS);
    });
  }
});

describe('pictures', () => {
  test('VP8 becomes H.264 of the same size with a key frame every two seconds', async () => {
    using stand = openStand();
    const units = await encodeIvf('testsrc2=size=320x180:rate=30:duration=7', ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '300', '-b:v', '500k'], VP8);
    const live = goLive(stand.hub, 's', [VP8]);
    const lease = stand.bridges.acquire(live.stream, { kind: 'video', codec: 'h264', bFrames: false });
    const heard = new Recorder();
    lease.subscribe(heard);
    await publish(live, units, heard);
    await heard.until(() => heard.units.length === units.length);
    expect(heard.tracks).toHaveLength(1);
    expect(heard.onlyTrack).toMatchObject({ id: 1001, codec: 'h264', timescale: 90_000, width: 320, height: 180 });
    expect(heard.units.map(({ dts, pts }) => [dts, pts])).toEqual(units.map(({ pts }) => [pts, pts]));
    expect(heard.units.filter(({ key }) => key).map(({ dts }) => dts / 90_000)).toEqual([0, 2, 4, 6]);
    const { width, height, types } = await picturesOf(heard.onlyTrack, heard.units);
    expect({ width, height, frames: types.length }).toEqual({ width: 320, height: 180, frames: units.length });
    expect(types).not.toContain('B');
  });

  const B_FRAMES = [
    { name: 'H.264 with', args: ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-b_strategy', '0'], late: true },
    { name: 'HEVC with', args: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error:bframes=3:b-adapt=0'], late: true },
    { name: 'HEVC without', args: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error:bframes=0'], late: false },
  ] as const;
  test.each(B_FRAMES)('$name B-frames becomes H.264 without, every picture at its time', async ({ args: encoder, late }) => {
    using stand = openStand();
    const args = [...encoder, '-g', '60', '-pix_fmt', 'yuv420p', '-tag:v', encoder[1] === 'libx265' ? 'hvc1' : 'avc1'];
    const { tracks, units } = await encodeMedia({ video: { source: 'testsrc2=size=320x180:rate=30:duration=6', args } });
    expect(units.some(({ dts, pts }) => pts > dts)).toBe(late);
    const live = goLive(stand.hub, 's', tracks);
    const heard = new Recorder();
    stand.bridges.acquire(live.stream, { kind: 'video', codec: 'h264', bFrames: false }).subscribe(heard);
    await publish(live, units, heard);
    // The decoder keeps the last few for pictures that never come.
    await heard.until(() => heard.units.length >= units.length - 4);
    const times = units.map(({ pts }) => pts).sort((a, b) => a - b);
    expect(heard.units.map(({ pts }) => pts)).toEqual(times.slice(0, heard.units.length));
    const { types, pts } = await picturesOf(heard.onlyTrack, heard.units);
    expect(types).not.toContain('B');
    expect(pts).toEqual([...pts].sort((a, b) => a - b));
  });
});
