/** Publishing and watching by WebRTC with real browsers and encoders: WHIP in, WHEP out, and across to RTMP and HLS. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { playWithAiortc, publishWithAiortc } from './harness/aiortc.ts';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { glanceAtClock, hearSound, readClock } from './harness/page-clock.ts';
import { ENCODER_DEFAULTS, publishEnhanced, publishWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { StudioPage } from './harness/studio-page.ts';
import { until } from './harness/until.ts';
import { preferLatency, WatchPage } from './harness/watch-page.ts';
import { moreFrames, openBlankPage, playInPage, publishFromPage, receivedBy, whipOf } from './harness/webrtc-page.ts';

const NO_B_FRAMES = ['-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '60', '-b:v', '800k'];

describe.skipIf(browserTestsAreOff)('WebRTC', () => {
  const scope = new AsyncDisposableStack();
  let browser: Browser;
  let server: RunningServer;
  let owner: Owner;
  /** A page that publishes and one that plays, for all tests: each ends what it did before. */
  let publisher: Page;
  let viewer: Page;

  beforeAll(async () => {
    for (const tool of ['ffmpeg', 'aiortc'] as const) await ensureTool(tool);
    browser = await openBrowser({ autoplay: 'allowed', fakeCamera: true });
    scope.defer(() => browser.close());
    server = scope.use(await startServer());
    await openPages();
  });
  // A guest may have few broadcasts running, and those of the tests before wait for their publishers.
  beforeEach(async () => {
    owner = await Owner.guest(server.http);
  });
  afterAll(() => scope.disposeAsync());
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    for (const context of browser.contexts()) await context.close();
    await openPages();
  });

  const blankPage = (): Promise<Page> => openBlankPage(browser, server.http);

  async function openPages(): Promise<void> {
    [publisher, viewer] = [await blankPage(), await blankPage()];
  }

  async function stream() {
    const made = await owner.create({ title: 'By WebRTC' });
    return { id: made.stream.id, key: made.streamKey, whip: whipOf(made), ...made.playback };
  }

  test('what ffmpeg publishes by RTMP without B-frames is watched by WHEP, also without sound by who offers one transport for all and sound first; such a player counts as a viewer, our own page in real time as one and not as two', async () => {
    const { id, key, whep, page } = await stream();
    await using _encoder = publishWithFfmpeg(`${server.rtmp}/${key}`, { video: NO_B_FRAMES, sound: false });
    await owner.untilStatus(id, 'live', 15_000);
    const viewers = async () => (await owner.get(id)).stream.viewers;
    const untilViewers = (count: number) =>
      until(async () => (await viewers()) === count, { what: `${count} viewers`, timeoutMs: 15_000, seen: async () => String(await viewers()) });
    const watch = await WatchPage.open(await preferLatency(await newVisitor(browser), 'real-time'), page);
    await watch.untilProtocol('whep', 15_000);
    await untilViewers(1);
    const other = await blankPage();
    const played = await playInPage(other, whep, { kinds: ['audio', 'video'], bundlePolicy: 'max-bundle' });
    expect(played.status, played.body).toBe(201);
    await untilViewers(2);
    // Four seconds: by then it has reported, and so its silence tells.
    expect(await moreFrames(other, 120, 20_000)).toMatchObject({ width: 320, codec: 'video/H264' });
    await other.context().close();
    // A page that is gone says nothing: its silence is what ends it.
    await untilViewers(1);
    await watch.page.context().close();
    await untilViewers(0);
  });

  test('what ffmpeg publishes by RTMP with the defaults of x264, B-frames and AAC, is seen and heard by WebRTC', { timeout: 120_000 }, async () => {
    const studio = await StudioPage.create(await newVisitor(browser), server.http, 'B-frames');
    await studio.page.getByRole('button', { name: 'Show the key' }).click();
    await using _encoder = publishWithFfmpeg(`${server.rtmp}/${await studio.copied('the stream key')}`, { video: ENCODER_DEFAULTS });
    await readClock(studio.page, { timeoutMs: 20_000 });
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
    await studio.page.context().close();
  });

  test.for([
    ['vp9', 'VP9'],
    ['hevc', 'H264'],
  ] as const)('%s and Opus by RTMP are seen and heard by WHEP, in %s', async ([video, codec]) => {
    const { id, key, whep } = await stream();
    await using _encoder = publishEnhanced(`${server.rtmp}/${key}`, { video, audio: 'opus', seconds: 60, fps: 15, bFrames: false });
    await owner.untilStatus(id, 'live', 20_000);
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

  test('aiortc publishes VP8, and aiortc and a browser see and hear it', async () => {
    const { id, whip, whep } = await stream();
    await using encoder = publishWithAiortc({ ...whip, codec: 'VP8' });
    await encoder.line((line) => line.includes('published'), 20_000);
    await owner.untilStatus(id, 'live', 15_000);
    await seenAndHeard(whep, 'VP8');
  });

  test('the creator’s page gives a WHIP encoder its address and token, the token and the command hidden until asked for; what aiortc publishes by them in H.264, aiortc and a browser see and hear', {
    timeout: 120_000,
  }, async () => {
    const studio = await StudioPage.create(await newVisitor(browser), server.http, 'By WHIP');
    const url = await studio.field('WHIP address');
    expect(url).toBe(`${server.http}/whip/${studio.streamId}`);
    expect(await studio.copied('the WHIP address')).toBe(url);
    expect(await studio.field('Bearer Token')).toMatch(/^•+$/);
    const token = await studio.copied('the bearer token');
    expect(token).toBe(await studio.copied('the stream key'));
    expect(await studio.says()).not.toContain(token);
    expect(await studio.copied('the GStreamer command')).toContain(`signaller::whip-endpoint="${url}" signaller::auth-token="${token}"`);
    await studio.page.getByRole('button', { name: 'Show the token' }).click();
    expect(await studio.field('Bearer Token')).toBe(token);
    await studio.page.getByText('OBS Studio, by WHIP', { exact: true }).waitFor();

    await using _encoder = publishWithAiortc({ url, token, codec: 'H264' });
    await studio.untilSays(/Preview of your stream|Live/, 20_000);
    await studio.untilSays(/640 × 480/, 20_000);
    // Beside the running broadcast the addresses stay at hand.
    await studio.page.getByText('Server and key', { exact: true }).click();
    expect(await studio.field('WHIP address')).toBe(url);
    expect(studio.complaints.list).toEqual([]);
    await studio.page.context().close();
    await seenAndHeard(`${server.http}/whep/${studio.streamId}`, 'H264');
  });

  test('a browser publishes H.264 and Opus, another sees and hears it at once, and keeps its session when the publisher comes back in a new one', async () => {
    const { id, whip, whep, hls } = await stream();
    expect((await playInPage(viewer, whep)).status, 'for who comes too early').toBe(409);
    expect((await playInPage(viewer, `${server.http}/whep/nothing-here`)).status, 'of what is not there').toBe(404);
    const first = await blankPage();
    const published = await publishFromPage(first, { ...whip, codec: 'H264' });
    expect(published).toMatchObject({ status: 201, location: expect.stringMatching(`^/whip/${id}/`), etag: expect.stringMatching(/^"[^"]+"$/) });
    await owner.untilStatus(id, 'live', 10_000);
    const played = await playInPage(viewer, whep);
    expect(played.status, played.body).toBe(201);
    console.log(`first frame after ${Math.round(played.firstFrameMs ?? Number.NaN)} ms`);
    expect(played.firstFrameMs).toBeLessThan(2_000);
    await moreFrames(viewer, 60, 20_000);
    expect((await receivedBy(viewer)).codec).toBe('video/H264');
    await hearSound(viewer);

    const playlist = await until(async () => (await fetch(hls)).text().then((text) => text.includes('avc1') && text), { what: 'a playlist with H.264', timeoutMs: 15_000 });
    expect(playlist, 'packaged for HLS').toContain('mp4a.40.2');

    await first.context().close();
    const again = await publishFromPage(publisher, { ...whip, codec: 'H264' });
    expect(again.status).toBe(201);
    await moreFrames(viewer, 60, 15_000);
    expect((await receivedBy(viewer)).state, 'of the viewer who stayed').toBe('connected');

    const session = `${server.http}${again.location}`;
    const authorization = `Bearer ${whip.token}`;
    expect((await fetch(session, { method: 'DELETE' })).status, 'DELETE by a stranger').toBe(401);
    expect((await fetch(session, { method: 'DELETE', headers: { authorization } })).status).toBe(200);
    // Its broadcast ends after the moment a goodbye is given.
    await owner.untilStatus(id, 'reconnecting', 5_000);
    expect((await fetch(session, { method: 'DELETE', headers: { authorization } })).status, 'DELETE of what is gone').toBe(404);
  });

  test.for(['VP8', 'VP9', 'AV1'])('a browser publishes %s, another sees it', async (codec) => {
    const { id, whip, whep } = await stream();
    expect((await publishFromPage(publisher, { ...whip, codec })).status).toBe(201);
    await owner.untilStatus(id, 'live', 15_000);
    const played = await playInPage(viewer, whep);
    expect(played.status, played.body).toBe(201);
    expect(await moreFrames(viewer, 20, 30_000)).toMatchObject({ codec: `video/${codec}` });
  });

  /** What aiortc sends: by another aiortc, and by a browser. */
  async function seenAndHeard(whep: string, codec: string): Promise<void> {
    const seen = await playWithAiortc(whep, 30);
    expect(seen).toMatchObject({ frames: 30, size: [640, 480], rate: 48_000 });
    expect(seen.level).toBeGreaterThan(0.3);
    expect((await playInPage(viewer, whep)).status).toBe(201);
    expect(await moreFrames(viewer, 30, 20_000)).toMatchObject({ width: 640, codec: `video/${codec}` });
    await hearSound(viewer);
  }
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
