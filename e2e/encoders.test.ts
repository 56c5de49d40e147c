/** Every encoder people bring, from its own command line to the watch page in Chromium: picture by its clock, sound by its level. */
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { type Child, run } from './harness/child.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { type ClockReading, glanceAtClock, hearSound, playFor, readClock } from './harness/page-clock.ts';
import { ENCODER_DEFAULTS, LIGHT, publishEnhanced, publishSoundWithFfmpeg, publishWithFfmpeg, publishWithGstreamer } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { until } from './harness/until.ts';
import { type PlayerState, preferLatency, WatchPage } from './harness/watch-page.ts';

/** Long enough for two segments and to count frames. */
const WATCH_SECONDS = 5;

/** The picture is 320 × 180; a browser without a graphics card pays for each point it shows it on. */
const WINDOW = { width: 640, height: 400 };

/** Nobody watches this far behind, however the encoder is set: x264's own default looks 50 frames ahead and B-frames wait. */
const MAX_LATENCY_MS = 12_000;

interface Case {
  readonly name: string;
  readonly fps: number;
  readonly publish: (target: string) => Child;
}

const CASES: readonly Case[] = [
  { name: 'ffmpeg with its defaults', fps: 30, publish: (target) => publishWithFfmpeg(target, { video: ENCODER_DEFAULTS }) },
  { name: 'ffmpeg at 29.97 frames a second', fps: 29.97, publish: (target) => publishWithFfmpeg(target, { video: LIGHT, fps: '30000/1001' }) },
  { name: 'ffmpeg at 60 frames a second', fps: 60, publish: (target) => publishWithFfmpeg(target, { video: LIGHT, fps: '60' }) },
  { name: 'ffmpeg with a frame rate that varies', fps: 30, publish: (target) => publishWithFfmpeg(target, { video: LIGHT, pace: 'uneven' }) },
  {
    name: 'ffmpeg with B-frames',
    fps: 15,
    publish: (target) => publishWithFfmpeg(target, { video: ['-preset', 'veryfast', '-bf', '3', '-b_strategy', '0', '-g', '30'], fps: '15' }),
  },
  { name: 'GStreamer’s rtmp2sink', fps: 30, publish: (target) => publishWithGstreamer(target, 'rtmp2sink') },
  { name: 'librtmp', fps: 30, publish: (target) => publishWithGstreamer(target, 'rtmpsink') },
];

describe.skipIf(browserTestsAreOff).concurrent('the watch page plays', () => {
  let stage: Stage;
  const scope = new AsyncDisposableStack();

  beforeAll(async () => {
    await ensureTool('ffmpeg');
    await ensureTool('gstreamer');
    const server = scope.use(await startServer());
    const browser = await openBrowser({ autoplay: 'allowed' });
    scope.defer(() => browser.close());
    // Real time converts pictures that are out of order, as some of these are; segments are what the encoder made.
    stage = { server, viewer: await preferLatency(await newVisitor(browser, WINDOW), 'low'), idle: [] };
  });
  afterAll(() => scope.disposeAsync());

  for (const { name, fps, publish } of CASES) {
    test(name, async ({ expect }) => {
      await using broadcast = await goLive(stage, name, publish);
      const { watch } = broadcast;
      const first = await readClock(watch.page);
      await playFor(watch.page, WATCH_SECONDS, WATCH_SECONDS * 4_000);
      await hearSound(watch.page);
      const last = await readClock(watch.page);
      expect(last.latencyMs).toBeLessThan(MAX_LATENCY_MS);
      // Frames by their painted number, over the player's own time: a rate that is off means time stretched or frames out of place.
      expect(Math.abs(framesPerSecond(first, last) / fps - 1)).toBeLessThan(0.05);
      expect(broadcast.encoder.running, broadcast.encoder.tail()).toBe(true);
      expect(watch.complaints.list).toEqual([]);
      console.log(`${name}: ${last.latencyMs} ms behind`);
    });
  }

  test('sound alone', async ({ expect }) => {
    await using broadcast = await goLive(stage, 'Sound alone', publishSoundWithFfmpeg);
    await playFor(broadcast.watch.page, WATCH_SECONDS, WATCH_SECONDS * 4_000);
    await hearSound(broadcast.watch.page);
    expect(broadcast.watch.complaints.list).toEqual([]);
  });

  test('a picture alone', async ({ expect }) => {
    await using broadcast = await goLive(stage, 'A picture alone', (target) => publishWithFfmpeg(target, { video: LIGHT, sound: false }));
    await playFor(broadcast.watch.page, WATCH_SECONDS, WATCH_SECONDS * 4_000);
    expect(await glanceAtClock(broadcast.watch.page)).toBeDefined();
    expect(broadcast.watch.complaints.list).toEqual([]);
  });

  for (const video of ['av1', 'vp9'] as const) {
    test(`${video} with Opus over Enhanced RTMP`, async ({ expect }) => {
      await using broadcast = await goLive(stage, `${video} and Opus`, (target) => publishEnhanced(target, { video, audio: 'opus', seconds: 60, fps: 15 }));
      await playFor(broadcast.watch.page, WATCH_SECONDS, WATCH_SECONDS * 6_000);
      expect(await broadcast.watch.video.evaluate((element) => (element instanceof HTMLVideoElement ? element.videoWidth : 0))).toBeGreaterThan(0);
      expect(broadcast.watch.complaints.list).toEqual([]);
    });
  }

  test('HEVC over Enhanced RTMP is packaged, and a browser without it says so in a sentence', async ({ expect }) => {
    await using broadcast = await goLive(stage, 'HEVC', (target) => publishEnhanced(target, { video: 'hevc', audio: 'aac', seconds: 60, fps: 15 }), 'unplayable');
    const { watch, encoder, playback } = broadcast;
    expect(await watch.page.getByText('This browser cannot play the video').isVisible()).toBe(true);
    expect(await watch.page.getByText('Try another browser').isVisible()).toBe(true);
    const probe = await until(
      async () => {
        const result = await run('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0', playback.hls], { timeoutMs: 40_000 });
        return result.code === 0 && result.stdout;
      },
      { what: 'ffprobe to read it', timeoutMs: 45_000, seen: () => encoder.tail() },
    );
    // Listed once for the programme and once for itself.
    expect(new Set(probe.split('\n').filter((line) => line !== ''))).toEqual(new Set(['aac', 'hevc']));
  });
});

interface Stage {
  readonly server: RunningServer;
  readonly viewer: BrowserContext;
  /** Have the scripts of the watch page already. */
  readonly idle: Page[];
}

async function goLive({ server, viewer, idle }: Stage, title: string, publish: (target: string) => Child, shown: PlayerState = 'playing') {
  // A guest each: the limit of broadcasts is per guest.
  const owner = await Owner.guest(server.http);
  const { stream, streamKey, playback } = await owner.create({ title });
  await using scope = new AsyncDisposableStack();
  const encoder = publish(`${server.rtmp}/${streamKey}`);
  scope.defer(async () => {
    await encoder.stop('SIGKILL');
  });
  await owner.untilStatus(stream.id, 'live', 20_000).catch((error: unknown) => {
    throw new Error(`${title} did not go live: ${encoder.tail()}`, { cause: error });
  });
  const page = idle.pop() ?? (await viewer.newPage());
  scope.defer(async () => {
    await page.goto(`${server.http}/healthz`);
    idle.push(page);
  });
  const watch = await WatchPage.open(page, playback.page);
  await watch.untilState(shown, 20_000);
  const whole = scope.move();
  return { watch, encoder, playback, [Symbol.asyncDispose]: () => whole.disposeAsync() };
}

function framesPerSecond(first: ClockReading, last: ClockReading): number {
  return ((last.frame - first.frame + 2 ** 16) % 2 ** 16) / ((last.mediaMs - first.mediaMs) / 1000);
}
