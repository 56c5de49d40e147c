/** Real pictures through hub, ladder, FFmpeg workers and packager: what players get of the tiers. */
import { expect, test } from 'vitest';
import { encodeMedia } from '../outputs/cmaf/testing/encoded-media.ts';
import { contentsOf, fileOf, LadderStand, probe, psnr } from './testing/ladder-stand.ts';

const TIERS = ['180p', '120p', '90p'];
const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
const SOUND = { source: 'sine=d=6:r=48000', args: ['-c:a', 'aac'] };

function picture(args: readonly string[], { size = '320x240', rate = '30', seconds = 6 } = {}) {
  return { source: `testsrc2=s=${size}:r=${rate}:d=${seconds}`, args: [...X264, ...args] };
}

test.for([
  ['without B-frames', ['-g', '30', '-bf', '0']],
  ['with B-frames and key frames at scene cuts', ['-preset', 'veryfast', '-g', '40', '-keyint_min', '10', '-bf', '3']],
] as const)('a source %s and its tiers have the same segments and key frames, across a reconnection', async ([, args]) => {
  using stand = new LadderStand();
  const { tracks, units } = await encodeMedia({ video: picture(args), audio: SOUND, timescale: 1000 });
  const first = stand.publish(tracks);
  await stand.send(first, units);
  // What is on its way when a publisher is lost is lost with it.
  await stand.heard.until(() => stand.heard.time > 5.7);
  first.publication.close('lost');
  await stand.send(stand.publish(tracks), units, 8);
  await stand.heard.until(() => stand.heard.time > 13.6);
  stand.hub.stop('stream', 'stopped');

  const source = contentsOf(stand.rendition('video'));
  expect(source.length).toBeGreaterThan(5);
  for (const name of TIERS) {
    const tier = contentsOf(stand.rendition(name));
    expect(tier.map(({ msn }) => msn)).toEqual(source.map(({ msn }) => msn));
    expect(tier.map(({ start }) => start)).toEqual(source.map(({ start }) => start));
    expect(tier.map(({ keys }) => keys)).toEqual(source.map(({ keys }) => keys));
    expect(tier.every(({ beginsWithKey }) => beginsWithKey)).toBe(true);
    const playlist = stand.rendition(name).segments;
    expect(playlist.map(({ discontinuitySequence }) => discontinuitySequence)).toEqual(stand.rendition('video').segments.map(({ discontinuitySequence }) => discontinuitySequence));
  }
});

test('tiers show the picture of the source, at their size', async () => {
  using stand = new LadderStand();
  const { tracks, units } = await encodeMedia({ video: picture(['-g', '60', '-bf', '2', '-crf', '12'], { seconds: 4 }) });
  await stand.send(stand.publish(tracks), units);
  await stand.heard.until(() => stand.heard.time > 3.7);
  stand.hub.stop('stream', 'stopped');
  const video = stand.rendition('video');
  const whole = fileOf(
    video,
    video.segments.filter(({ gap }) => !gap),
  );
  for (const name of TIERS) {
    const rendition = stand.rendition(name);
    const file = fileOf(
      rendition,
      rendition.segments.filter(({ gap }) => !gap),
    );
    const track = rendition.track;
    if (track?.kind !== 'video') throw new Error(`${name} has no picture`);
    expect(await probe(file)).toMatchObject({ width: track.width, height: track.height, format: 'yuv420p', profile: 'Main' });
    expect(await psnr(whole, file, track)).toBeGreaterThan(30);
  }
});

test.for(['10', '50'])('at %s pictures a second a tier uses what it may, and no more', async (rate) => {
  using stand = new LadderStand({ settings: [{ shorterSide: 120, bitsPerSecond: 300_000, preset: 'veryfast' }] });
  const source = { source: `testsrc2=s=320x240:r=${rate}:d=6,noise=alls=60:allf=t`, args: [...X264, '-g', rate, '-bf', '0', '-crf', '18'] };
  const { tracks, units } = await encodeMedia({ video: source, timescale: 90_000 });
  await stand.send(stand.publish(tracks), units);
  await stand.heard.until(() => stand.heard.time > 5.7);
  stand.hub.stop('stream', 'stopped');
  // The rate is measured on the first pictures.
  const segments = stand
    .rendition('120p')
    .segments.filter(({ gap }) => !gap)
    .slice(1);
  const seconds = segments.reduce((sum, segment) => sum + segment.seconds, 0);
  const bitsPerSecond = (8 * segments.reduce((sum, { bytes }) => sum + bytes, 0)) / seconds;
  expect(bitsPerSecond).toBeGreaterThan(200_000);
  expect(bitsPerSecond).toBeLessThan(360_000);
});
