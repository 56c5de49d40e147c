/** What one protocol's publishers send and the other's players do not take, converted on the way. */
import { PlaylistChecker } from '@millrace/media/m3u8/check-playlist';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { run } from './harness/child.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { glanceAtClock, hearSound, readClock } from './harness/page-clock.ts';
import { followPlaylist, renditionsOf } from './harness/playlist-follower.ts';
import { ENCODER_DEFAULTS, publishWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { StudioPage } from './harness/studio-page.ts';
import { until } from './harness/until.ts';
import { preferLatency, WatchPage } from './harness/watch-page.ts';
import { moreFrames, openBlankPage, playInPage, publishFromPage, receivedBy, whipOf } from './harness/webrtc-page.ts';

describe.skipIf(browserTestsAreOff)('bridges', () => {
  let browser: Browser;
  let server: RunningServer;
  let owner: Owner;

  beforeAll(async () => {
    for (const tool of ['ffmpeg', 'ffprobe'] as const) await ensureTool(tool);
    browser = await openBrowser({ autoplay: 'allowed', fakeCamera: true });
    server = await startServer();
  });
  beforeEach(async () => {
    owner = await Owner.guest(server.http);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });

  const blankPage = (): Promise<Page> => openBlankPage(browser, server.http);

  async function stream() {
    const made = await owner.create({ title: 'Bridged' });
    return { id: made.stream.id, whip: whipOf(made), playback: made.playback };
  }

  test('a browser publishes VP8 and Opus, another watches by low-latency HLS for 20 s without a stall, and hears it', { timeout: 150_000 }, async () => {
    const { id, whip, playback } = await stream();
    expect((await publishFromPage(await blankPage(), { ...whip, codec: 'VP8' })).status).toBe(201);
    await owner.untilStatus(id, 'live', 15_000);
    const watch = await WatchPage.open(await preferLatency(await newVisitor(browser), 'low'), playback.page);
    await watch.untilState('playing', 30_000);
    await watch.untilProtocol('ll-hls', 5_000);
    await hearSound(watch.page);

    const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0', playback.hls], { timeoutMs: 40_000 });
    expect(new Set(stdout.trim().split(/\s+/))).toEqual(new Set(['h264', 'aac']));

    const stalls = watch.page.locator('video').evaluate(
      (element) =>
        new Promise<number>((resolve) => {
          let count = 0;
          element.addEventListener('waiting', () => count++);
          setTimeout(() => resolve(count), 20_000);
        }),
    );
    const stopped = new AbortController();
    const checked = (await renditionsOf(playback.hls)).map(async (url) => {
      // Browsers send pictures when they have them.
      const checker = new PlaylistChecker({ shortParts: 'allowed' });
      const faults: string[] = [];
      await followPlaylist(url, { see: (text) => faults.push(...checker.check(text)), signal: stopped.signal });
      return faults;
    });
    const before = await watch.currentTime();
    expect(await stalls).toBe(0);
    expect((await watch.currentTime()) - before).toBeGreaterThan(18);
    stopped.abort();
    expect((await Promise.all(checked)).flat()).toEqual([]);
    await hearSound(watch.page);
    expect(watch.complaints.list).toEqual([]);
  });

  test('what ffmpeg publishes by RTMP with the defaults of x264, B-frames and AAC, is seen and heard by WebRTC', { timeout: 120_000 }, async () => {
    const studio = await StudioPage.create(await newVisitor(browser), server.http, 'B-frames');
    await studio.page.getByRole('button', { name: 'Show the key' }).click();
    await using _encoder = publishWithFfmpeg(`${server.rtmp}/${await studio.copied('the stream key')}`, { video: ENCODER_DEFAULTS });
    await readClock(studio.page, { timeoutMs: 20_000 });
    const viewer = await blankPage();
    // Where a busy machine starts the bridge later than a viewer waits for it, players negotiate anew.
    await until(
      async () => {
        const played = await playInPage(viewer, `${server.http}/whep/${studio.streamId}`);
        expect(played.status, played.body).toBe(201);
        return moreFrames(viewer, 60, 15_000).catch(() => undefined);
      },
      { what: 'pictures by WebRTC', timeoutMs: 60_000 },
    );
    expect(await receivedBy(viewer)).toMatchObject({ codec: 'video/H264', width: 320, state: 'connected' });
    await until(async () => (await receivedBy(viewer)).audioLevel > 0.01, { what: 'sound', timeoutMs: 20_000 });
    await inOrder(viewer);
    await studio.untilSays(/Your encoder sends B-frames, which real time cannot show/, 10_000);
    await studio.untilSays(/Viewers in real time need another sound format/, 10_000);
    expect(studio.complaints.list).toEqual([]);
  });
});

/** Reads the painted clock of pictures as they come: none was painted before one that came earlier. */
async function inOrder(page: Page): Promise<void> {
  const painted: number[] = [];
  await until(
    async () => {
      const reading = await glanceAtClock(page);
      if (reading && reading.paintedMs !== painted.at(-1)) painted.push(reading.paintedMs);
      return painted.length >= 60;
    },
    { what: '60 different pictures', timeoutMs: 40_000, everyMs: 20, seen: () => String(painted.length) },
  );
  expect(painted).toEqual([...painted].sort((a, b) => a - b));
}
