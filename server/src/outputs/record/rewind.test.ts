/** Live playlists that reach back onto the disk: valid at every moment, small for players that know them, and their media is there. */
import { PlaylistChecker } from '@millrace/media/m3u8/check-playlist';
import { parseMediaPlaylist } from '@millrace/media/m3u8/parse-playlist';
import { expect, it } from 'vitest';
import { PackagerRegistry } from '../cmaf/registry.ts';
import { PackagerManifest } from '../dash/from-stream.ts';
import { PlaylistTexts } from '../hls/from-stream.ts';
import { HlsRoutes } from '../hls/routes.ts';
import { NOWHERE_ELSE, OPEN_GATE, serve } from './testing/http.ts';
import { RecordingStudio } from './testing/studio.ts';

const REWIND = { recording: undefined, rewindSeconds: 300 };

it('keeps every rule of a live playlist while the window grows, moves on and ends, whole and as delta updates', async () => {
  await using studio = new RecordingStudio({ plan: REWIND });
  const texts = new PlaylistTexts();
  const checkers = new Map<string, PlaylistChecker>();
  const violations: string[] = [];
  const check = (): void => {
    for (const rendition of studio.packager.renditions) {
      for (const skip of [false, true]) {
        const key = `${rendition.name} ${skip}`;
        const checker = checkers.get(key) ?? new PlaylistChecker({ shortParts: 'allowed' });
        checkers.set(key, checker);
        const text = Buffer.from(texts.media(studio.packager, rendition, '', skip).plain).toString();
        violations.push(...checker.check(text).map((violation) => `${key}: ${violation}`));
      }
    }
  };
  for (let step = 0; step < 90; step++) {
    if (step === 40) studio.first.interrupt(4);
    studio.first.send(5);
    await studio.recorder.round();
    check();
  }
  studio.packager.end();
  await studio.recorder.round();
  check();
  expect(violations).toEqual([]);
});

it('sends a player that knows the playlist little of an hour', async () => {
  await using studio = new RecordingStudio({ plan: { recording: undefined, rewindSeconds: 3600 } });
  for (let i = 0; i < 180; i++) {
    studio.first.send(20, 8);
    await studio.recorder.round();
  }
  const rendition = studio.packager.rendition('video');
  if (!rendition) throw new Error('there is no picture');
  const texts = new PlaylistTexts();
  const whole = Buffer.from(texts.media(studio.packager, rendition, '', false).plain).toString();
  const delta = Buffer.from(texts.media(studio.packager, rendition, '', true).plain).toString();
  const { segments } = parseMediaPlaylist(whole);
  expect(segments.length).toBeGreaterThan(1700);
  expect(Number(/EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)/.exec(delta)?.[1])).toBeGreaterThan(1700);
  // The parts of the last 30 seconds are most of it.
  expect(delta.length).toBeLessThan(30_000);
  expect(whole.length).toBeGreaterThan(10 * delta.length);
});

it('serves from disk what memory no longer has, whole and in ranges, until the window has moved on', async () => {
  await using studio = new RecordingStudio({ plan: { recording: undefined, rewindSeconds: 120 } });
  const registry = new PackagerRegistry({ clock: studio.clock });
  registry.set('stream', studio.packager);
  await using http = await serve(new HlsRoutes({ registry, gate: OPEN_GATE, elsewhere: NOWHERE_ELSE, clock: studio.clock }));
  studio.first.send(10);
  await studio.recorder.round();
  const early = studio.packager.rendition('video')?.segments.find(({ gap, complete }) => complete && !gap);
  if (!early) throw new Error('there is no segment');
  const sent = Buffer.concat(early.bodies);
  for (let i = 0; i < 10; i++) {
    studio.first.send(10);
    await studio.recorder.round();
  }
  expect(studio.packager.rendition('video')?.findSegment(early.msn)).toBeUndefined();
  const address = `${http.base}/hls/stream/video/${early.uri}`;
  const whole = await fetch(address);
  expect(whole.status).toBe(200);
  expect(whole.headers.get('cache-control')).toContain('immutable');
  expect(Buffer.from(await whole.arrayBuffer()).equals(sent)).toBe(true);
  const part = await fetch(address, { headers: { range: 'bytes=10-29' } });
  expect(part.status).toBe(206);
  expect(Buffer.from(await part.arrayBuffer()).equals(sent.subarray(10, 30))).toBe(true);
  expect((await fetch(address, { headers: { range: `bytes=${sent.length}-` } })).status).toBe(416);
  expect((await fetch(address, { method: 'HEAD' })).headers.get('content-length')).toBe(String(sent.length));
  for (let i = 0; i < 8; i++) {
    studio.first.send(10);
    await studio.recorder.round();
  }
  expect((await fetch(address)).status).toBe(404);
});

it('tells DASH players how far back they may go', async () => {
  await using studio = new RecordingStudio({ plan: { recording: undefined, rewindSeconds: 300 } });
  const manifest = new PackagerManifest(studio.packager);
  for (let i = 0; i < 40; i++) {
    studio.first.send(10);
    await studio.recorder.round();
    manifest.text({ streamId: 'stream', query: '', now: studio.clock.now() });
  }
  const text = manifest.text({ streamId: 'stream', query: '', now: studio.clock.now() }) ?? '';
  const depth = Number(/timeShiftBufferDepth="PT([\d.]+)S"/.exec(text)?.[1]);
  expect(depth).toBeGreaterThan(295);
  expect(depth).toBeLessThan(306);
  // Who comes late is told the same past.
  const late = new PackagerManifest(studio.packager).text({ streamId: 'stream', query: '', now: studio.clock.now() }) ?? '';
  expect(/timeShiftBufferDepth="([^"]+)"/.exec(late)?.[1]).toBe(/timeShiftBufferDepth="([^"]+)"/.exec(text)?.[1]);
});
