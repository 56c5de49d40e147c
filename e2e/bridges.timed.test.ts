/** What browsers publish and segments do not take, converted on the way without a stall. */
import { PlaylistChecker } from '@millrace/media/m3u8/check-playlist';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { run } from './harness/child.ts';
import { browserTestsAreOff, newVisitor, openBrowser, PHONE } from './harness/chromium.ts';
import { hearSound } from './harness/page-clock.ts';
import { followPlaylist, renditionsOf } from './harness/playlist-follower.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { preferLatency, WatchPage } from './harness/watch-page.ts';
import { openBlankPage, publishFromPage, whipOf } from './harness/webrtc-page.ts';

describe.skipIf(browserTestsAreOff)('bridges', () => {
  let browser: Browser;
  let server: RunningServer;

  beforeAll(async () => {
    for (const tool of ['ffmpeg', 'ffprobe'] as const) await ensureTool(tool);
    [browser, server] = await Promise.all([openBrowser({ autoplay: 'allowed', fakeCamera: true }), startServer()]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  /** Closed with `scope`. */
  async function blankPage(scope: AsyncDisposableStack): Promise<Page> {
    const page = await openBlankPage(browser, server.http);
    scope.use(page.context());
    return page;
  }

  test('a browser publishes VP8 and Opus, another watches by low-latency HLS for 20 s without a stall, and hears it', { timeout: 150_000 }, async () => {
    await using scope = new AsyncDisposableStack();
    const owner = await Owner.guest(server.http);
    const made = await owner.create({ title: 'Bridged' });
    const { playback } = made;
    expect((await publishFromPage(await blankPage(scope), { ...whipOf(made), codec: 'VP8' })).status).toBe(201);
    await owner.untilStatus(made.stream.id, 'live', 15_000);
    const watch = await WatchPage.open(await preferLatency(scope.use(await newVisitor(browser, PHONE)), 'low'), playback.page);
    await watch.untilState('playing', 30_000);
    await watch.untilProtocol('ll-hls', 5_000);
    await hearSound(watch.page);

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
    const probed = run('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0', playback.hls], { timeoutMs: 40_000 });
    expect(await stalls).toBe(0);
    expect((await watch.currentTime()) - before).toBeGreaterThan(18);
    stopped.abort();
    expect(new Set((await probed).stdout.trim().split(/\s+/))).toEqual(new Set(['h264', 'aac']));
    expect((await Promise.all(checked)).flat()).toEqual([]);
    await hearSound(watch.page);
    expect(watch.complaints.list).toEqual([]);
  });
});
