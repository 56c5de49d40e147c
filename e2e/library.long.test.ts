/** A person's way through what is kept: back in the live picture, then the library, then a link to a moment. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff, DESKTOP, newVisitor, openBrowser, PHONE } from './harness/chromium.ts';
import { outputFile } from './harness/folder.ts';
import { seriousFaults } from './harness/look.ts';
import { CELLS, clockIn, glanceAtClock, lumaOfCells, readClock } from './harness/page-clock.ts';
import { LIGHT, publishWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { until } from './harness/until.ts';
import { WatchPage } from './harness/watch-page.ts';

const PICTURE = { video: LIGHT, fps: '15' };

/** As small as one can be that is not taken for a phone's. */
const WINDOW = { width: 640, height: 480 };

/** The pictures of memory: what is older comes from disk. */
const MEMORY_SECONDS = 62;

describe.skipIf(browserTestsAreOff)('what is kept', () => {
  let server: RunningServer;
  let browser: Browser;
  const scope = new AsyncDisposableStack();

  beforeAll(async () => {
    await ensureTool('ffmpeg');
    server = scope.use(await startServer());
    browser = await openBrowser({ autoplay: 'allowed' });
    scope.defer(() => browser.close());
  });
  afterAll(() => scope.disposeAsync());

  test('a viewer goes back in the live picture and returns; the owner finds the recording, renames it and shares a moment of it', { timeout: 220_000 }, async ({ expect }) => {
    const owner = await Owner.guest(server.http);
    const { stream, streamKey, playback } = await owner.create({ title: 'The mill at dusk', record: true });
    const encoder = scope.use(publishWithFfmpeg(`${server.rtmp}/${streamKey}`, PICTURE));
    await owner.untilStatus(stream.id, 'live', 15_000);
    const began = Date.now();
    const untilSeconds = (seconds: number) => until(() => Date.now() - began > seconds * 1000, { what: `${seconds} s of media`, timeoutMs: 120_000 });

    await using viewer = await newVisitor(browser, WINDOW);
    // In its first seconds a broadcast has no picture: pages ask for one where there is one.
    const noPicture: string[] = [];
    viewer.on('response', (response) => {
      if (response.status() === 404) noPicture.push(response.url());
    });
    const tab = await viewer.newPage();
    await (await watchBy('low', tab, server, playback.page)).untilState('playing', 20_000);
    await tab.goto(`${server.http}/healthz`);
    await untilSeconds(30);
    let segments = await watchBy('low', tab, server, playback.page);
    await segments.untilState('playing', 20_000);
    // Back by keys, and by the bar; a pause keeps the place; then live again.
    await segments.page.keyboard.press('j');
    await segments.page.keyboard.press('j');
    await untilBehind(segments, 18, 28);
    await segments.page.getByRole('button', { name: /Go to live/ }).click();
    await untilBehind(segments, 0, 5);
    expect(segments.complaints.list).toEqual([]);
    await tab.goto(`${server.http}/healthz`);

    // Meanwhile another broadcast is recorded, and ends without being kept.
    await using home = await asOwner(await newVisitor(browser, DESKTOP), owner);
    const page = await home.newPage();
    const trial = await owner.create({ title: 'A trial', record: true });
    const trialEncoder = scope.use(publishWithFfmpeg(`${server.rtmp}/${trial.streamKey}`, PICTURE));
    await until(async () => (await owner.recordings()).length === 2, { what: 'both to be recorded', timeoutMs: 15_000 });
    await page.goto(`${server.http}/live/${trial.stream.id}`);
    await page
      .getByRole('status')
      .filter({ hasText: /^Recording$/ })
      .waitFor({ timeout: 10_000 });
    await page.getByRole('button', { name: 'End broadcast' }).click();
    await page.getByRole('switch', { name: 'Keep the recording' }).click();
    await page.getByText('What was recorded is deleted for good.').waitFor();
    await page.screenshot({ path: outputFile('library', 'end.png') });
    await page.getByRole('button', { name: 'End it' }).click();
    await until(async () => (await owner.recordings()).length === 1, { what: 'what was recorded of the trial to go', timeoutMs: 10_000 });
    await trialEncoder.stop('SIGKILL');
    await page.goto(`${server.http}/healthz`);

    await untilSeconds(MEMORY_SECONDS + 8);
    segments = await watchBy('low', tab, server, playback.page);
    await segments.untilState('playing', 20_000);
    const previewedMs = await lookAt(segments, GO_BACK, 0.3);
    expect(Math.abs(previewedMs - began - 0.3 * (Date.now() - began))).toBeLessThan(PREVIEW_ERROR_MS);
    await segments.page.screenshot({ path: outputFile('library', 'preview.png') });
    await goBackByBar(segments, 0.05);
    // The picture of the broadcast's beginning is on disk alone.
    const old = await untilBehind(segments, MEMORY_SECONDS, MEMORY_SECONDS + 40);
    expect(Date.now() - old - began).toBeLessThan(12_000);
    await segments.page.screenshot({ path: outputFile('library', 'rewound.png') });
    await until(async () => (await segments.currentTime()) > 0 && (await segments.state()) === 'playing', { what: 'the past to play', timeoutMs: 10_000 });
    expect(segments.complaints.list).toEqual([]);
    expect(noPicture.filter((url) => url.includes('poster'))).toEqual([]);

    // From real time the bar leads to segments, and live is real time again.
    const realTime = await watchBy('real-time', tab, server, playback.page);
    await realTime.untilProtocol('whep', 15_000);
    await realTime.untilState('playing', 15_000);
    await goBackByBar(realTime, 0.5);
    await realTime.untilProtocol('ll-hls', 10_000);
    await untilBehind(realTime, 20, 70);
    await realTime.page.getByRole('button', { name: /Go to live/ }).click();
    await realTime.untilProtocol('whep', 20_000);
    await untilBehind(realTime, 0, 3);

    // The library is told by its socket: what ends before its eyes is there without a question asked in vain.
    let asked = 0;
    page.on('request', (request) => {
      if (new URL(request.url()).pathname === '/api/v1/recordings') asked++;
    });
    const told = page.waitForEvent('websocket', (socket) => socket.url().endsWith('/ws/recordings'));
    await page.goto(`${server.http}/library`);
    await page.getByText('Recording…').waitFor({ timeout: 15_000 });
    await told;
    await owner.stop(stream.id);
    await encoder.stop('SIGKILL');
    const ended = Date.now();
    await page.getByRole('link', { name: /^Play The mill at dusk, / }).waitFor({ timeout: 15_000 });
    expect(Date.now() - ended).toBeLessThan(15_000);
    // To begin with, as the socket opens, and when the recording changed.
    expect(asked).toBeLessThanOrEqual(3);
    const poster = page.locator('article img[data-seen]');
    await poster.waitFor({ timeout: 10_000 });
    const posterClock = clockIn(await page.evaluate(lumaOfCells, { ...CELLS, selector: 'article img' }));
    expect(posterClock?.paintedMs).toBeGreaterThan(began - 5_000);
    await page.screenshot({ path: outputFile('library', 'desktop.png') });
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Actions for The mill at dusk' }).click();
    await page.screenshot({ path: outputFile('library', 'menu.png') });
    // As of a recording that is hours long: first how far it is, then the file.
    const progressSeen = Promise.withResolvers<void>();
    let isFirst = true;
    await page.route('**/api/v1/recordings/*/download', async (route) => {
      if (isFirst) {
        isFirst = false;
        await route.fulfill({ json: { isReady: false, task: { kind: 'download', share: 0.4, secondsLeft: 7 } } });
        return;
      }
      await progressSeen.promise;
      await route.continue();
    });
    const downloading = page.waitForEvent('download', { timeout: 15_000 });
    await page.getByRole('menuitem', { name: 'Download' }).click();
    await page.getByText('Preparing the download, 40%, 0:07 left').waitFor();
    progressSeen.resolve();
    expect((await downloading).suggestedFilename()).toBe('The mill at dusk.mp4');
    await page.getByRole('button', { name: 'Actions for The mill at dusk' }).click();
    await page.getByRole('menuitem', { name: 'Rename' }).click();
    await page.getByLabel('Title').fill('The weir');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'The weir' }).waitFor();
    await page.getByRole('searchbox').fill('weird');
    await page.getByText('No recording is called “weird”.').waitFor();
    await page.getByRole('searchbox').fill('WEIR');
    await page.getByRole('heading', { name: 'The weir' }).waitFor();

    // Who watched to the end is led to it, without a reload.
    await realTime.untilState('ended', 5_000);
    await realTime.page.screenshot({ path: outputFile('library', 'ended.png') });
    await realTime.page.getByRole('link', { name: 'Watch the recording' }).click();
    await realTime.untilState('playing', 15_000);
    const { seconds = 0 } = (await owner.recordings())[0] ?? {};
    expect(Math.abs((await lookAt(realTime, 'Time', 0.6)) - began - 0.6 * seconds * 1000)).toBeLessThan(PREVIEW_ERROR_MS);
    expect(realTime.complaints.list).toEqual([]);
    await tab.close();

    // A stranger with the link sees the moment that it names.
    const [recording] = await owner.recordings();
    await using stranger = await newVisitor(browser, PHONE);
    const watch = await WatchPage.open(stranger, `${recording?.playback.page}?t=40`);
    await watch.untilState('playing', 15_000);
    expect(await watch.currentTime()).toBeGreaterThan(39);
    const { paintedMs } = await readClock(watch.page);
    expect(Math.abs((paintedMs - began) / 1000 - (await watch.currentTime()))).toBeLessThan(6);
    await watch.page.screenshot({ path: outputFile('library', 'watch-phone.png') });
    expect(await seriousFaults(watch.page)).toEqual([]);
    expect(watch.complaints.list).toEqual([]);
    // To the end and back to the beginning.
    await watch.video.evaluate((element) => {
      if (element instanceof HTMLVideoElement) element.currentTime = element.duration - 3;
    });
    await until(() => watch.video.evaluate((element) => element instanceof HTMLVideoElement && element.ended), { what: 'the end', timeoutMs: 20_000 });

    await page.getByRole('button', { name: 'Actions for The weir' }).click();
    await page.getByRole('menuitemradio', { name: 'Private' }).click();
    await until(async () => (await owner.recordings())[0]?.visibility === 'private', { what: 'the recording to be private', timeoutMs: 5_000 });
    await watch.page.reload();
    await watch.page.getByText('This recording is not here').waitFor();
    await page.getByRole('button', { name: 'Actions for The weir' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.screenshot({ path: outputFile('library', 'delete.png') });
    await page.getByRole('button', { name: 'Delete it' }).click();
    await page.getByText('No recording is called “WEIR”.').waitFor();
    await page.getByRole('searchbox').fill('');
    await page.getByText('Nothing is kept yet').waitFor();
    await page.screenshot({ path: outputFile('library', 'empty.png') });
    expect(await owner.recordings()).toEqual([]);
  });
});

/** The page with the chosen latency, in the tab that the viewer has. */
async function watchBy(latency: 'low' | 'real-time', tab: Page, { http }: RunningServer, link: string): Promise<WatchPage> {
  await tab.goto(`${http}/healthz`);
  await tab.evaluate((chosen) => localStorage.setItem('millrace.latency', chosen), latency);
  return WatchPage.open(tab, link);
}

/** The name of the bar of a live broadcast. */
const GO_BACK = 'Go back in the broadcast';

/** Pictures are made every eight seconds or so, and the first in a moment. */
const PREVIEW_ERROR_MS = 13_000;

/** Moves the pointer over the bar, a share of its length from its beginning. */
async function pointAt(watch: WatchPage, bar: string, share: number): Promise<void> {
  const box = await until(
    async () => {
      await watch.player.hover();
      return watch.page.getByRole('slider', { name: bar }).boundingBox();
    },
    { what: 'the bar of time', timeoutMs: 10_000 },
  );
  await watch.page.mouse.move(box.x + box.width * share, box.y + box.height / 2);
}

/** Takes the bar's thumb there. */
async function goBackByBar(watch: WatchPage, share: number): Promise<void> {
  await pointAt(watch, GO_BACK, share);
  await watch.page.mouse.down();
  await watch.page.mouse.up();
}

/** When what the preview shows there was painted, in ms. */
async function lookAt(watch: WatchPage, bar: string, share: number): Promise<number> {
  return until(
    async () => {
      await pointAt(watch, bar, share);
      const place = await watch.page.locator('[data-picture]').getAttribute('data-picture', { timeout: 1_000 });
      const [x = 0, y = 0] = (place ?? '').split(',').map(Number);
      return clockIn(await watch.page.evaluate(lumaOfCells, { ...CELLS, selector: '[data-picture] img', part: { x, y, width: PREVIEW_WIDTH } }))?.paintedMs;
    },
    { what: `a preview at ${share} of the bar`, timeoutMs: 20_000 },
  );
}

/** Of every preview picture that is not portrait, pixels. */
const PREVIEW_WIDTH = 160;

/** Seconds between the shown picture and now, once they are between these and it plays. Returns them in ms. */
async function untilBehind(watch: WatchPage, from: number, to: number): Promise<number> {
  let last: number | undefined;
  return until(
    async () => {
      const reading = await glanceAtClock(watch.page);
      last = reading?.latencyMs;
      return last !== undefined && last >= from * 1000 && last <= to * 1000 && (await watch.state()) === 'playing' && last;
    },
    { what: `a picture ${from} to ${to} s old`, timeoutMs: 20_000, seen: async () => `${last} ms, ${await watch.state()}, ${await watch.protocol()}` },
  );
}

/** The browser of whoever made the streams. */
async function asOwner(context: BrowserContext, { token }: Owner): Promise<BrowserContext> {
  await context.addInitScript((kept) => localStorage.setItem('millrace.token', kept), token);
  return context;
}
