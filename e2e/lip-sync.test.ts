/** Sound and picture stay together on their way across protocols, by media that flash and beep at the same sample. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { flashWithGstreamer, onsetsSeenBy, watchWithGstreamer } from './harness/gstreamer-client.ts';
import { onsetsInSegments, untilDelays } from './harness/lip-sync.ts';
import { beginToNote, notedBy } from './harness/lip-sync-page.ts';
import { median } from './harness/page-clock.ts';
import { flashWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { ensureTool } from './harness/tool.ts';
import { moreFrames, playInPage } from './harness/webrtc-page.ts';

/** ITU-R BT.1359: nobody notices less. */
const MAX_DELAY_MS = 40;

const EVENTS = 10;

describe.skipIf(browserTestsAreOff)('lip sync', () => {
  let browser: Browser;
  let server: RunningServer;
  let owner: Owner;

  beforeAll(async () => {
    await ensureTool('ffmpeg');
    await ensureTool('webrtcbin');
    browser = await openBrowser({ autoplay: 'allowed' });
    server = await startServer();
  });
  beforeEach(async () => {
    owner = await Owner.guest(server.http);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  async function stream() {
    const { stream, streamKey, ingest, playback } = await owner.create({ title: 'Flash and beep' });
    const { url, token = '' } = ingest.whip;
    return { id: stream.id, rtmp: `${server.rtmp}/${streamKey}`, whip: { url, token }, ...playback };
  }

  function judge(way: string, delays: readonly number[]): void {
    console.log(`${way}: sound ${median(delays).toFixed(1)} ms behind the picture, from ${delays[0]?.toFixed(1)} to ${delays.at(-1)?.toFixed(1)} ms of ${delays.length}`);
    expect(Math.abs(median(delays))).toBeLessThan(MAX_DELAY_MS);
  }

  test.for(['H264', 'VP8'] as const)('GStreamer publishes %s by WHIP: together for GStreamer by WHEP', async (codec) => {
    const { id, whip, whep } = await stream();
    await using publisher = flashWithGstreamer({ ...whip, codec });
    await publisher.line((line) => line.includes('published'), 30_000);
    await owner.untilStatus(id, 'live', 15_000);
    await using viewer = watchWithGstreamer(whep, codec);
    judge(`WHIP to WHEP, ${codec}`, await untilDelays(() => onsetsSeenBy(viewer), { count: EVENTS, timeoutMs: 60_000 }));
  });

  test('by WHIP to HLS', async () => {
    const { id, whip, hls } = await stream();
    await using publisher = flashWithGstreamer({ ...whip, codec: 'H264' });
    await publisher.line((line) => line.includes('published'), 30_000);
    await owner.untilStatus(id, 'live', 15_000);
    judge('WHIP to HLS', await untilDelays(() => onsetsInSegments(hls), { count: EVENTS, timeoutMs: 90_000 }));
  });

  test('by RTMP to WHEP, in a browser and by the timestamps', async () => {
    const { id, rtmp, whep } = await stream();
    await using _encoder = flashWithFfmpeg(rtmp);
    await owner.untilStatus(id, 'live', 30_000);
    await using viewer = watchWithGstreamer(whep, 'H264');
    const page = await (await newVisitor(browser)).newPage();
    await page.goto(`${server.http}/healthz`);
    expect((await playInPage(page, whep)).status).toBe(201);
    // Browsers move sound and picture towards each other in steps of some 80 ms a second.
    await moreFrames(page, 150, 30_000);
    await beginToNote(page);
    const delays = await untilDelays(() => notedBy(page), { count: EVENTS, timeoutMs: 60_000 });
    judge('RTMP to WHEP, by the timestamps', await untilDelays(() => onsetsSeenBy(viewer), { count: EVENTS, timeoutMs: 60_000 }));
    judge('RTMP to WHEP, in a browser', delays);
  });
});
