/** Sound and picture stay together on their way across protocols, by media that flash and beep at the same sample. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { flashWithGstreamer, onsetsSeenBy, watchWithGstreamer } from './harness/gstreamer-client.ts';
import { type Onsets, onsetsInSegments, untilDelays } from './harness/lip-sync.ts';
import { beginToNote, notedBy } from './harness/lip-sync-page.ts';
import { flashWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { moreFrames, playInPage } from './harness/webrtc-page.ts';

/** ITU-R BT.1359: nobody notices less. */
const MAX_DELAY_MS = 40;

const EVENTS = 10;

/** About as many seconds as Chromium takes on a busy machine. */
const SETTLING_EVENTS = 30;

describe.skipIf(browserTestsAreOff).concurrent('sound and picture are together', () => {
  let browser: Browser;
  let server: RunningServer;

  beforeAll(async () => {
    await ensureTool('ffmpeg');
    await ensureTool('webrtcbin');
    browser = await openBrowser({ autoplay: 'allowed' });
    server = await startServer();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  /** Of a guest of its own, who may have only a few live at once. */
  async function stream() {
    const owner = await Owner.guest(server.http);
    const { stream, streamKey, ingest, playback } = await owner.create({ title: 'Flash and beep' });
    const { url, token = '' } = ingest.whip;
    return { live: (timeoutMs: number) => owner.untilStatus(stream.id, 'live', timeoutMs), rtmp: `${server.rtmp}/${streamKey}`, whip: { url, token }, ...playback };
  }

  async function expectTogether(
    way: string,
    onsets: () => Onsets | Promise<Onsets>,
    { timeoutMs, after = 0 }: { readonly timeoutMs: number; readonly after?: number },
  ): Promise<void> {
    const { medianMs, fromMs, toMs } = await untilDelays(onsets, { count: EVENTS, after, withinMs: MAX_DELAY_MS, timeoutMs });
    console.log(`${way}: sound ${medianMs.toFixed(1)} ms behind the picture, from ${fromMs.toFixed(1)} to ${toMs.toFixed(1)} ms`);
  }

  test('from RTMP to a browser by WHEP, as it shows and plays them', async () => {
    const { live, rtmp, whep } = await stream();
    await using _encoder = flashWithFfmpeg(rtmp);
    await live(30_000);
    const page = await (await newVisitor(browser)).newPage();
    await page.goto(`${server.http}/healthz`);
    expect((await playInPage(page, whep)).status).toBe(201);
    await moreFrames(page, 30, 30_000);
    await beginToNote(page);
    // Browsers begin with what has arrived and move sound and picture to each other from there, in small steps.
    await expectTogether('RTMP to WHEP, Chromium', () => notedBy(page), { after: SETTLING_EVENTS, timeoutMs: 120_000 });
  });

  test.for(['H264', 'VP8'] as const)('from GStreamer by WHIP in %s to GStreamer by WHEP', async (codec) => {
    const { live, whip, whep } = await stream();
    await using publisher = flashWithGstreamer({ ...whip, codec });
    await publisher.line((line) => line.includes('published'), 30_000);
    await live(15_000);
    await using viewer = watchWithGstreamer(whep, codec);
    await expectTogether(`WHIP to WHEP, ${codec}`, () => onsetsSeenBy(viewer), { timeoutMs: 60_000 });
  });

  test('from WHIP to HLS, by the timestamps in the segments', async () => {
    const { live, whip, hls } = await stream();
    await using publisher = flashWithGstreamer({ ...whip, codec: 'H264' });
    await publisher.line((line) => line.includes('published'), 30_000);
    await live(15_000);
    await expectTogether('WHIP to HLS', () => onsetsInSegments(hls), { timeoutMs: 120_000 });
  });

  test('from RTMP to WHEP and to HLS, by the timestamps, in AAC that becomes Opus on the way', async () => {
    const { live, rtmp, whep, hls } = await stream();
    await using _encoder = flashWithFfmpeg(rtmp);
    await live(30_000);
    await using viewer = watchWithGstreamer(whep, 'H264');
    await expectTogether('RTMP to WHEP, GStreamer', () => onsetsSeenBy(viewer), { timeoutMs: 60_000 });
    await expectTogether('RTMP to HLS', () => onsetsInSegments(hls), { timeoutMs: 60_000 });
  });
});
