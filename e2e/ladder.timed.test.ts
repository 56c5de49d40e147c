/** Smaller sizes of a picture, made by the server: what a viewer on a slow line gets, and how it is shown. */
import type { Browser, CDPSession } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Owner } from './harness/api.ts';
import type { Child } from './harness/child.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { LIGHT, publishEnhanced, publishWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { StudioPage } from './harness/studio-page.ts';
import { UdpProxy } from './harness/udp-proxy.ts';
import { until } from './harness/until.ts';
import { preferLatency, WatchPage } from './harness/watch-page.ts';
import { moreFrames, openBlankPage, playInPage, receivedBy } from './harness/webrtc-page.ts';

/** A steady 1.5 Mbit/s, whatever the picture shows. */
const STEADY = [
  '-preset',
  'ultrafast',
  '-tune',
  'zerolatency',
  '-g',
  '30',
  '-b:v',
  '1500k',
  '-minrate',
  '1500k',
  '-maxrate',
  '1500k',
  '-bufsize',
  '1500k',
  '-x264-params',
  'nal-hrd=cbr',
];

const SMALLER = [270, 180];

/** Carries the smaller sizes with the playlists beside them, and half of the source. */
const SLOW_BITS_PER_SECOND = 900_000;

describe.skipIf(browserTestsAreOff)('a ladder', () => {
  let browser: Browser;
  let server: RunningServer;
  let encoder: Child;
  let owner: Owner;
  let made: Awaited<ReturnType<Owner['create']>>;

  beforeAll(async () => {
    browser = await openBrowser({ autoplay: 'allowed' });
    server = await startServer({ env: { LADDER: '270p@500k,180p@250k' } });
    owner = await Owner.guest(server.http);
    made = await owner.create({ title: 'For every line' });
    encoder = publishWithFfmpeg(`${made.ingest.rtmp?.url}/${made.streamKey}`, { video: STEADY, size: '640x360' });
    await owner.untilStatus(made.stream.id, 'live', 30_000);
  });
  afterAll(async () => {
    await encoder?.stop('SIGKILL');
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  test('is told at once, with what each size needs, and begins when somebody plays', async () => {
    const text = await (await fetch(made.playback.hls)).text();
    expect(text).toContain('RESOLUTION=640x360');
    expect(text).toMatch(/BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="avc1\.4d40[0-9a-f]{2},mp4a\.40\.2",RESOLUTION=480x270,FRAME-RATE=30\.000,AUDIO="audio"\n270p\/index\.m3u8/);
    expect(text).toContain('180p/index.m3u8');
    const began = performance.now();
    const tier = await (await fetch(new URL('180p/index.m3u8', made.playback.hls))).text();
    expect(performance.now() - began).toBeLessThan(4_000);
    expect(tier).toMatch(/#EXT-X-PART:DURATION=[\d.]+,URI="[^"]+",INDEPENDENT=YES\n/);
    expect(tier).toContain('#EXT-X-RENDITION-REPORT:URI="../video/index.m3u8"');
  });

  test.concurrent.for(['low', 'real-time'] as const)('is in the menu by its sizes (%s), and a choice there does not begin the picture anew', async (latency, { expect }) => {
    await using visitor = await newVisitor(browser);
    const context = await preferLatency(visitor, latency);
    const watch = await WatchPage.open(context, made.playback.page);
    await watch.untilState('playing', 30_000);
    await watch.untilProtocol(latency === 'low' ? 'll-hls' : 'whep', 15_000);
    await watch.player.hover();
    await watch.page.getByRole('button', { name: 'Latency and quality' }).click();
    const menu = watch.page.getByRole('dialog', { name: 'Latency and quality' });
    const qualities = menu.getByRole('group', { name: 'Quality' }).getByRole('radio');
    const told = () => qualities.evaluateAll((inputs) => inputs.map((input) => input.parentElement?.textContent).join(' '));
    await until(async () => (await told()) === 'Automatic 360p 270p 180p', { what: 'the sizes to choose from', timeoutMs: 10_000, seen: told });
    const before = await watch.currentTime();
    await menu.getByRole('radio', { name: '270p' }).check();
    await untilHeight(watch, 270, 20_000);
    expect(await watch.state()).toBe('playing');
    expect(await watch.currentTime()).toBeGreaterThan(before);
    await menu.getByRole('radio', { name: 'Automatic' }).check();
    await untilHeight(watch, 360, 60_000);
  });

  test.concurrent('takes a viewer whose line becomes slow down to what it carries, without a stall, and up again', async ({ expect }) => {
    // A broadcast that has only begun cannot be watched from further back.
    const whole = async () => (await (await fetch(new URL('video/index.m3u8', made.playback.hls))).text()).split('#EXT-X-GAP').at(-1)?.split('#EXTINF').length ?? 0;
    await until(async () => (await whole()) > 6, { what: 'some segments', timeoutMs: 30_000, seen: async () => String(await whole()) });
    await using visitor = await newVisitor(browser);
    const context = await preferLatency(visitor, 'stable');
    const watch = await WatchPage.open(context, made.playback.page);
    await watch.untilState('playing', 30_000);
    await untilHeight(watch, 360, 30_000);
    // What a viewer has ahead of them when their line gets worse, and not when they have only come.
    await until(async () => (await aheadOf(watch)) > 4, { what: '4 s ahead', timeoutMs: 20_000, seen: async () => String(await aheadOf(watch)) });
    await watch.page.evaluate(() => {
      const video = document.querySelector('video');
      Reflect.set(window, 'waits', 0);
      video?.addEventListener('waiting', () => Reflect.set(window, 'waits', Reflect.get(window, 'waits') + 1));
    });
    const network = await context.newCDPSession(watch.page);
    await limit(network, SLOW_BITS_PER_SECOND);
    await until(async () => SMALLER.includes(await heightOf(watch)), { what: 'a smaller picture', timeoutMs: 40_000, seen: async () => `${await heightOf(watch)} lines` });
    await watch.untilFrames(90, 20_000);
    expect(await watch.page.evaluate(() => Reflect.get(window, 'waits'))).toBe(0);
    await limit(network, undefined);
    await untilHeight(watch, 360, 60_000);
    expect(await watch.page.evaluate(() => Reflect.get(window, 'waits'))).toBe(0);
    expect(watch.complaints.list).toEqual([]);
  });

  test.concurrent('gives a viewer in real time what a narrow network carries, without an interruption, and the whole picture later', async ({ expect }) => {
    await using network = await UdpProxy.before(Number(new URL(server.addresses.get('webrtc') ?? '').port));
    const viewer = await openBlankPage(browser, server.http);
    await using _visitor = viewer.context();
    expect((await playInPage(viewer, made.playback.whep, { port: network.port })).status).toBe(201);
    await moreFrames(viewer, 30, 20_000);
    const height = () => viewer.evaluate(() => document.querySelector('video')?.videoHeight ?? 0);
    expect(await height()).toBe(360);
    network.fault = { bitsPerSecond: SLOW_BITS_PER_SECOND, queueMs: 200 };
    await until(async () => SMALLER.includes(await height()), { what: 'a smaller picture', timeoutMs: 40_000, seen: async () => `${await height()} lines` });
    const lost = network.lost;
    await moreFrames(viewer, 90, 20_000);
    expect(network.lost - lost).toBeLessThan(60);
    network.fault = {};
    await until(async () => (await height()) === 360, { what: 'the whole picture', timeoutMs: 60_000, seen: async () => `${await height()} lines` });
    expect((await receivedBy(viewer)).state).toBe('connected');
  });

  test.concurrent('serves a viewer in real time of VP9, who chooses a smaller size, in H.264 in the same session', async ({ expect }) => {
    const { stream, streamKey, playback } = await owner.create({ title: 'In VP9' });
    await using _encoder = publishEnhanced(`${server.rtmp}/${streamKey}`, { video: 'vp9', audio: 'opus', seconds: 120, fps: 15, size: '640x360' });
    await owner.untilStatus(stream.id, 'live', 30_000);
    const viewer = await openBlankPage(browser, server.http);
    await using _visitor = viewer.context();
    const { status, location } = await playInPage(viewer, playback.whep);
    expect(status).toBe(201);
    expect(await moreFrames(viewer, 20, 20_000)).toMatchObject({ codec: 'video/VP9', width: 640 });
    for (const [rid, codec, width] of [
      ['180p', 'video/H264', 320],
      [undefined, 'video/VP9', 640],
    ] as const) {
      const choice = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ rid }) };
      expect((await fetch(`${server.http}${location}/layer`, choice)).status).toBe(200);
      let last: Awaited<ReturnType<typeof receivedBy>> | undefined;
      const isShown = async () => {
        last = await receivedBy(viewer);
        return last.codec === codec && last.width === width;
      };
      await until(isShown, { what: codec, timeoutMs: 30_000, seen: () => JSON.stringify(last) });
      await moreFrames(viewer, 20, 20_000);
    }
  });

  test.concurrent('is shown to its owner, who turns it off while the broadcast runs', async ({ expect }) => {
    await using context = await newVisitor(browser);
    const studio = await StudioPage.create(context, server.http, 'For every line, for once');
    const { page } = studio;
    await using _encoder = publishWithFfmpeg(`${await studio.copied('the server')}/${await studio.copied('the stream key')}`, { video: LIGHT, size: '640x360' });
    await page.getByText('Smaller pictures', { exact: true }).click({ timeout: 60_000 });
    // The owner's own preview is played by HLS.
    await studio.untilSays(/Made now: 270p and 180p\. They take [\d.]+ of a processor core\./, 60_000);
    await page.getByRole('radiogroup', { name: 'When smaller pictures are made' }).getByText('Off', { exact: true }).click();
    await studio.untilSays(/Everybody gets your picture as you send it\./, 10_000);
    const sizes = async () => (await (await fetch(`${server.http}/hls/${studio.streamId}/index.m3u8`)).text()).match(/RESOLUTION=\d+x\d+/g)?.join(' ') ?? '';
    await until(async () => (await sizes()) === 'RESOLUTION=640x360', { what: 'only one size', timeoutMs: 20_000, seen: sizes });
    expect(studio.complaints.list).toEqual([]);
  });
});

function untilHeight(watch: WatchPage, height: number, timeoutMs: number): Promise<true> {
  return until(async () => (await heightOf(watch)) === height, {
    what: `a picture of ${height} lines`,
    timeoutMs,
    seen: async () => `${await heightOf(watch)} lines, ${await watch.state()}`,
  });
}

function heightOf(watch: WatchPage): Promise<number> {
  return watch.video.evaluate((element) => (element instanceof HTMLVideoElement ? element.videoHeight : 0));
}

/** Seconds of the picture that are there already. */
function aheadOf(watch: WatchPage): Promise<number> {
  return watch.video.evaluate((element) => {
    if (!(element instanceof HTMLVideoElement) || element.buffered.length === 0) return 0;
    return element.buffered.end(element.buffered.length - 1) - element.currentTime;
  });
}

/** Undefined: as fast as the machine. */
async function limit(network: CDPSession, bitsPerSecond: number | undefined): Promise<void> {
  await network.send('Network.enable');
  const throughput = bitsPerSecond === undefined ? -1 : bitsPerSecond / 8;
  await network.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: throughput, uploadThroughput: -1 });
}
