/** Publishing and watching by WebRTC with real browsers and encoders: WHIP in, WHEP out, and across to RTMP and HLS. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { playWithAiortc, publishWithAiortc } from './harness/aiortc.ts';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { hearSound } from './harness/page-clock.ts';
import { publishEnhanced, publishWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { until } from './harness/until.ts';
import { preferLatency, WatchPage } from './harness/watch-page.ts';
import { moreFrames, openBlankPage, playInPage, publishFromPage, receivedBy, whipOf } from './harness/webrtc-page.ts';

const NO_B_FRAMES = ['-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '60', '-b:v', '800k'];

describe.skipIf(browserTestsAreOff)('WebRTC', () => {
  let browser: Browser;
  let server: RunningServer;
  let owner: Owner;

  beforeAll(async () => {
    await ensureTool('ffmpeg');
    browser = await openBrowser({ autoplay: 'allowed', fakeCamera: true });
    server = await startServer();
  });
  // A guest may have few broadcasts running, and those of the tests before wait for their publishers.
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
    const made = await owner.create({ title: 'By WebRTC' });
    return { id: made.stream.id, key: made.streamKey, whip: whipOf(made), whep: made.playback.whep, hls: made.playback.hls };
  }

  test('a browser publishes H.264 and Opus, another sees and hears it at once', async () => {
    const { id, whip, whep } = await stream();
    const publisher = await blankPage();
    const published = await publishFromPage(publisher, { ...whip, codec: 'H264' });
    expect(published).toMatchObject({ status: 201, location: expect.stringMatching(`^/whip/${id}/`), etag: expect.stringMatching(/^"[^"]+"$/) });
    await owner.untilStatus(id, 'live', 10_000);
    const viewer = await blankPage();
    const played = await playInPage(viewer, whep);
    expect(played.status, played.body).toBe(201);
    console.log(`first frame after ${Math.round(played.firstFrameMs ?? Number.NaN)} ms`);
    expect(played.firstFrameMs).toBeLessThan(2_000);
    await moreFrames(viewer, 60, 20_000);
    expect((await receivedBy(viewer)).codec).toBe('video/H264');
    await hearSound(viewer);
  });

  test.for(['VP8', 'VP9', 'AV1'])('a browser publishes %s, another sees it', async (codec) => {
    const { id, whip, whep } = await stream();
    expect((await publishFromPage(await blankPage(), { ...whip, codec })).status).toBe(201);
    await owner.untilStatus(id, 'live', 15_000);
    const viewer = await blankPage();
    const played = await playInPage(viewer, whep);
    expect(played.status, played.body).toBe(201);
    expect(await moreFrames(viewer, 20, 30_000)).toMatchObject({ codec: `video/${codec}` });
  });

  test('of simulcast layers viewers get the largest', async () => {
    const { id, whip, whep } = await stream();
    expect((await publishFromPage(await blankPage(), { ...whip, codec: 'VP8', layers: 2 })).status).toBe(201);
    await owner.untilStatus(id, 'live', 15_000);
    const viewer = await blankPage();
    expect((await playInPage(viewer, whep)).status).toBe(201);
    await until(async () => (await receivedBy(viewer)).width === 640, {
      what: 'the layer of 640 pixels',
      timeoutMs: 20_000,
      seen: async () => JSON.stringify(await receivedBy(viewer)),
    });
  });

  test('a viewer who comes too early is told when to ask again, and one of nothing that there is nothing', async () => {
    const { whep } = await stream();
    const viewer = await blankPage();
    expect((await playInPage(viewer, whep)).status).toBe(409);
    expect((await playInPage(viewer, `${server.http}/whep/nothing-here`)).status).toBe(404);
  });

  test('what ffmpeg publishes by RTMP without B-frames is watched by WHEP, also without sound by who offers one transport for all and sound first', async () => {
    const { id, key, whep } = await stream();
    await using _encoder = publishWithFfmpeg(`${server.rtmp}/${key}`, { video: NO_B_FRAMES, sound: false });
    await owner.untilStatus(id, 'live', 15_000);
    const viewer = await blankPage();
    const played = await playInPage(viewer, whep, { kinds: ['audio', 'video'], bundlePolicy: 'max-bundle' });
    expect(played.status, played.body).toBe(201);
    expect(await moreFrames(viewer, 60, 20_000)).toMatchObject({ width: 320, codec: 'video/H264' });
  });

  test('a WHEP player of another maker counts as a viewer, our own page in real time as one and not as two', async () => {
    const made = await owner.create({ title: 'Counted' });
    await using _encoder = publishWithFfmpeg(`${server.rtmp}/${made.streamKey}`, { video: NO_B_FRAMES });
    await owner.untilStatus(made.stream.id, 'live', 15_000);
    const viewers = async () => (await owner.get(made.stream.id)).stream.viewers;
    const untilViewers = (count: number) =>
      until(async () => (await viewers()) === count, { what: `${count} viewers`, timeoutMs: 15_000, seen: async () => String(await viewers()) });
    const watch = await WatchPage.open(await preferLatency(await newVisitor(browser), 'real-time'), made.playback.page);
    await watch.untilProtocol('whep', 15_000);
    await untilViewers(1);
    const other = await blankPage();
    expect((await playInPage(other, made.playback.whep)).status).toBe(201);
    await untilViewers(2);
    // Four seconds: by then it has reported, and so its silence tells.
    await moreFrames(other, 120, 20_000);
    await other.context().close();
    // A page that is gone says nothing: its silence is what ends it.
    await untilViewers(1);
    await watch.page.close();
    await untilViewers(0);
  });

  test.for([
    ['vp9', 'VP9'],
    ['hevc', 'H264'],
  ] as const)('%s and Opus by RTMP are seen and heard by WHEP, in %s', async ([video, codec]) => {
    const { id, key, whep } = await stream();
    await using _encoder = publishEnhanced(`${server.rtmp}/${key}`, { video, audio: 'opus', seconds: 60, bFrames: false });
    await owner.untilStatus(id, 'live', 20_000);
    const viewer = await blankPage();
    // Where a busy machine starts the bridge later than a viewer waits for it, players negotiate anew.
    await until(
      async () => {
        expect((await playInPage(viewer, whep)).status).toBe(201);
        return moreFrames(viewer, 20, 15_000).catch(() => undefined);
      },
      { what: 'pictures', timeoutMs: 60_000 },
    );
    expect((await receivedBy(viewer)).codec).toBe(`video/${codec}`);
    await until(async () => (await receivedBy(viewer)).audioLevel > 0.01, { what: 'sound', timeoutMs: 10_000 });
  });

  test('viewers keep their session when the publisher comes back in a new one', async () => {
    const { id, whip, whep } = await stream();
    const first = await blankPage();
    await publishFromPage(first, { ...whip, codec: 'H264' });
    await owner.untilStatus(id, 'live', 10_000);
    const viewer = await blankPage();
    await playInPage(viewer, whep);
    await moreFrames(viewer, 30, 15_000);
    await first.close();
    const again = await blankPage();
    expect((await publishFromPage(again, { ...whip, codec: 'H264' })).status).toBe(201);
    await moreFrames(viewer, 60, 15_000);
    expect((await receivedBy(viewer)).state).toBe('connected');
  });

  test.for(['H264', 'VP8'] as const)('aiortc publishes %s, and aiortc and a browser see and hear it', async (codec) => {
    await ensureTool('aiortc');
    const { id, whip, whep } = await stream();
    await using publisher = publishWithAiortc({ ...whip, codec });
    await publisher.line((line) => line.includes('published'), 20_000);
    await owner.untilStatus(id, 'live', 15_000);
    const seen = await playWithAiortc(whep, 30);
    expect(seen).toMatchObject({ frames: 30, size: [640, 480], rate: 48_000 });
    expect(seen.level).toBeGreaterThan(0.3);
    const viewer = await blankPage();
    expect((await playInPage(viewer, whep)).status).toBe(201);
    expect(await moreFrames(viewer, 30, 20_000)).toMatchObject({ width: 640, codec: `video/${codec}` });
    await hearSound(viewer);
  });

  test('DELETE ends the session, and its broadcast after the moment a goodbye is given', async () => {
    const { id, whip } = await stream();
    const publisher = await blankPage();
    const { location } = await publishFromPage(publisher, { ...whip, codec: 'H264' });
    await owner.untilStatus(id, 'live', 10_000);
    const session = `${server.http}${location}`;
    expect((await fetch(session, { method: 'DELETE' })).status).toBe(401);
    expect((await fetch(session, { method: 'DELETE', headers: { authorization: `Bearer ${whip.token}` } })).status).toBe(200);
    await owner.untilStatus(id, 'reconnecting', 5_000);
    expect((await fetch(session, { method: 'DELETE', headers: { authorization: `Bearer ${whip.token}` } })).status).toBe(404);
  });

  test('what a browser publishes by WHIP is packaged for HLS', async () => {
    const { whip, hls } = await stream();
    await publishFromPage(await blankPage(), { ...whip, codec: 'H264' });
    const playlist = await until(async () => (await fetch(hls)).text().then((text) => text.includes('avc1') && text), { what: 'a playlist with H.264', timeoutMs: 15_000 });
    expect(playlist).toContain('mp4a.40.2');
  });
});
