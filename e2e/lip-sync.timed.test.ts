/** Sound and picture stay together on their way across protocols, by media that flash and beep at the same sample. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import type { Child } from './harness/child.ts';
import { browserTestsAreOff, openBrowser } from './harness/chromium.ts';
import { flashWithGstreamer, onsetsSeenBy, watchWithGstreamer } from './harness/gstreamer-client.ts';
import { type Delays, onsetsInSegments, untilDelays } from './harness/lip-sync.ts';
import { beginToNote, notedBy } from './harness/lip-sync-page.ts';
import { flashWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { moreFrames, openBlankPage, playInPage } from './harness/webrtc-page.ts';

/** ITU-R BT.1359: nobody notices less. */
const MAX_DELAY_MS = 40;

const EVENTS = 10;

/** About as many seconds as Chromium takes on a busy machine. */
const SETTLING_EVENTS = 30;

interface Target {
  readonly rtmp: string;
  readonly whip: { readonly url: string; readonly token: string };
}

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
  async function streamOf(publish: (target: Target) => Child) {
    const owner = await Owner.guest(server.http);
    const { stream, streamKey, ingest, playback } = await owner.create({ title: 'Flash and beep' });
    const { url, token = '' } = ingest.whip;
    await using scope = new AsyncDisposableStack();
    const publisher = scope.use(publish({ rtmp: `${server.rtmp}/${streamKey}`, whip: { url, token } }));
    await owner.untilStatus(stream.id, 'live', 30_000).catch((error: unknown) => {
      throw new Error(`nothing came of ${publisher.name}: ${publisher.tail()}`, { cause: error });
    });
    const whole = scope.move();
    return { whep: playback.whep, hls: playback.hls, [Symbol.asyncDispose]: () => whole.disposeAsync() };
  }

  async function watched(whep: string, codec: 'H264' | 'VP8'): Promise<Delays> {
    await using viewer = watchWithGstreamer(whep, codec);
    return await untilDelays(() => onsetsSeenBy(viewer), { count: EVENTS, timeoutMs: 60_000 });
  }

  function kept(hls: string): Promise<Delays> {
    return untilDelays(() => onsetsInSegments(hls, EVENTS + 2), { count: EVENTS, timeoutMs: 120_000 });
  }

  function judge(way: string, { medianMs, fromMs, toMs }: Delays): void {
    console.log(`${way}: sound ${medianMs.toFixed(1)} ms behind the picture, from ${fromMs.toFixed(1)} to ${toMs.toFixed(1)} ms`);
    expect(Math.abs(medianMs), way).toBeLessThan(MAX_DELAY_MS);
  }

  test('from RTMP to a browser by WHEP as it shows and plays them, and to WHEP and HLS by the timestamps, in AAC that becomes Opus on the way', async () => {
    await using stream = await streamOf(({ rtmp }) => flashWithFfmpeg(rtmp));
    const page = await openBlankPage(browser, server.http);
    await using _visitor = page.context();
    expect((await playInPage(page, stream.whep)).status).toBe(201);
    await moreFrames(page, 30, 30_000);
    await beginToNote(page);
    judge('RTMP to WHEP, GStreamer', await watched(stream.whep, 'H264'));
    judge('RTMP to HLS', await kept(stream.hls));
    // Browsers begin with what has arrived and move sound and picture to each other from there, in small steps: the last ten count.
    judge('RTMP to WHEP, Chromium', await untilDelays(() => notedBy(page), { count: EVENTS, after: SETTLING_EVENTS, timeoutMs: 120_000 }));
  });

  test('from GStreamer by WHIP in H.264 to GStreamer by WHEP, and to HLS by the timestamps in the segments', async () => {
    await using stream = await streamOf(({ whip }) => flashWithGstreamer({ ...whip, codec: 'H264' }));
    judge('WHIP to WHEP, H.264', await watched(stream.whep, 'H264'));
    judge('WHIP to HLS', await kept(stream.hls));
  });

  test('from GStreamer by WHIP in VP8 to GStreamer by WHEP', async () => {
    await using stream = await streamOf(({ whip }) => flashWithGstreamer({ ...whip, codec: 'VP8' }));
    judge('WHIP to WHEP, VP8', await watched(stream.whep, 'VP8'));
  });
});
