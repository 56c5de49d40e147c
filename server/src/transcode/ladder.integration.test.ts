/** Real pictures through hub, ladder, FFmpeg workers and packager: what players get of the tiers. */
import { expect, test } from 'vitest';
import { encodeMedia } from '../outputs/cmaf/testing/encoded-media.ts';
import { contentsOf, fileOf, LadderStand, probe, psnr } from './testing/ladder-stand.ts';

const TIERS = ['180p', '120p', '90p'];
const SOUND = { source: 'sine=d=6:r=48000', args: ['-c:a', 'aac'] };

function picture(args: readonly string[], { size = '320x240', rate = '30', seconds = 6 } = {}) {
  return { source: `testsrc2=s=${size}:r=${rate}:d=${seconds}`, args: ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', ...args] };
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
