import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff, newVisitor, openBrowser, PHONE } from './harness/chromium.ts';
import { freePort } from './harness/free-port.ts';
import { hearSound, readClock } from './harness/page-clock.ts';
import { LIGHT, publishWithFfmpeg } from './harness/publisher.ts';
import { DataFolder, type RunningServer, startServer } from './harness/server.ts';
import { StudioPage } from './harness/studio-page.ts';
import { until } from './harness/until.ts';
import { visibleText } from './harness/visible-text.ts';
import { preferLatency, WatchPage } from './harness/watch-page.ts';

let server: RunningServer;
let browser: Browser;
const scope = new AsyncDisposableStack();

describe.skipIf(browserTestsAreOff).concurrent('the watch page', () => {
  beforeAll(async () => {
    await ensureTool('ffmpeg');
    server = scope.use(await startServer({ env: { RECONNECT_GRACE_SECONDS: '3' } }));
    browser = await openBrowser({ autoplay: 'allowed' });
    scope.defer(() => browser.close());
  });
  afterAll(() => scope.disposeAsync());

  test('says that no stream has a wrong code, and takes another one', async ({ expect }) => {
    const { stream } = await (await Owner.guest(server.http)).create({ title: 'Found at the second try' });
    const wrong = stream.code === 'ZZZZZZ' ? 'ZZZZZY' : 'ZZZZZZ';
    const watch = await WatchPage.typeCode(await newVisitor(browser, PHONE), server.http, wrong);
    await sees(watch, 'No stream has this code');
    await sees(watch, `You asked for ${wrong.slice(0, 3)} ${wrong.slice(3)}.`);
    const field = watch.page.getByRole('textbox', { name: 'Code' });
    // The same one again is asked for again, and leaves room for another.
    await field.pressSequentially(wrong);
    await until(async () => (await field.inputValue()) === '', { what: 'the field to be empty again', timeoutMs: 10_000 });
    await field.pressSequentially(`${stream.code.slice(0, 3)} ${stream.code.slice(3)}`.toLowerCase());
    await watch.page.waitForURL(`**/w/${stream.code}`);
    await sees(watch, 'Starts when the host goes live');
    expect(watch.complaints.list).toEqual([]);
    await watch.page.context().close();
  });

  test('waits before the start, begins by itself, says when it ended, and begins again with the next broadcast', { timeout: 90_000 }, async ({ expect }) => {
    const owner = await Owner.guest(server.http);
    const { stream, streamKey, playback } = await owner.create({ title: 'Twice' });
    const watch = await WatchPage.open(await newVisitor(browser), playback.page);
    await watch.untilState('waiting', 10_000);
    await sees(watch, 'Starts when the host goes live');
    for (const round of ['first', 'second']) {
      await using encoder = publishWithFfmpeg(`${server.rtmp}/${streamKey}`, { video: LIGHT });
      await watch.untilState('playing', 15_000);
      const { latencyMs } = await readClock(watch.page);
      expect(latencyMs, `${round} broadcast`).toBeLessThan(10_000);
      await encoder.stop('SIGKILL');
      // The grace is three seconds here.
      await watch.untilState('ended', 20_000);
      await until(() => watch.page.getByText(/Ended at \d/).isVisible(), { what: 'the end to be told', timeoutMs: 5_000 });
      expect((await owner.get(stream.id)).stream.status).toBe('ended');
    }
    expect(watch.complaints.list).toEqual([]);
    await watch.page.context().close();
  });

  test('shows a preview to its owner alone, until the owner starts', { timeout: 60_000 }, async ({ expect }) => {
    const studio = await StudioPage.create(await newVisitor(browser), server.http, 'By hand', 'When I start it');
    const [address, key, link] = [await studio.copied('the server'), await studio.copied('the stream key'), await studio.copied('the link')];
    const watch = await WatchPage.open(await newVisitor(browser), link);
    await using _encoder = publishWithFfmpeg(`${address}/${key}`, { video: LIGHT });
    await readClock(studio.page, { timeoutMs: 15_000 });
    await studio.untilSays(/Only you see this/, 5_000);
    expect(await watch.state()).toBe('waiting');
    expect((await fetch(`${server.http}/hls/${studio.streamId}/index.m3u8`)).status).toBe(404);
    await studio.page.getByRole('button', { name: 'Start for viewers' }).click();
    await watch.untilState('playing', 10_000);
    await readClock(watch.page);
    for (const { complaints } of [studio, watch]) expect(complaints.list).toEqual([]);
    for (const { page } of [studio, watch]) await page.context().close();
  });

  test('hides a stream that becomes private from those without a link, plays it with one, and says when the link is stale', { timeout: 60_000 }, async ({ expect }) => {
    const owner = await Owner.guest(server.http);
    const { stream, streamKey, playback } = await owner.create({ title: 'Private from now on' });
    await using _encoder = publishWithFfmpeg(`${server.rtmp}/${streamKey}`, { video: LIGHT });
    await owner.untilStatus(stream.id, 'live', 15_000);
    const stranger = await WatchPage.open(await newVisitor(browser), `${server.http}/w/${stream.code}`);
    await stranger.untilState('playing', 15_000);
    await owner.change(stream.id, { visibility: 'private' });
    await sees(stranger, 'No stream has this code');
    const bare = new URL(playback.hls);
    bare.search = '';
    expect([401, 404]).toContain((await fetch(bare)).status);
    const link = (await owner.playbackToken(stream.id)).playback.page;
    const friend = await WatchPage.open(await newVisitor(browser), link);
    await friend.untilState('playing', 15_000);
    await readClock(friend.page);
    const stale = await WatchPage.open(await newVisitor(browser), `${server.http}/w/${stream.code}?token=stale`);
    await sees(stale, 'This link no longer works');
    for (const { complaints } of [stranger, friend, stale]) expect(complaints.list).toEqual([]);
    for (const { page } of [stranger, friend, stale]) await page.context().close();
  });

  test('starts without sound where the browser wants a tap first, and gives the sound with the tap', { timeout: 60_000 }, async ({ expect }) => {
    const owner = await Owner.guest(server.http);
    const { stream, streamKey, playback } = await owner.create({ title: 'Tap for sound' });
    await using _encoder = publishWithFfmpeg(`${server.rtmp}/${streamKey}`, { video: LIGHT });
    await owner.untilStatus(stream.id, 'live', 15_000);
    const strict = await openBrowser({ autoplay: 'needs-gesture' });
    try {
      const watch = await WatchPage.open(await preferLatency(await newVisitor(strict, PHONE), 'low'), playback.page);
      await watch.untilPlayingUntouched(15_000);
      expect(await watch.askUntouched(`document.querySelector('video').muted`)).toBe(true);
      await watch.page.getByRole('button', { name: 'Tap for sound' }).tap();
      await hearSound(watch.page);
      expect(watch.complaints.list).toEqual([]);
    } finally {
      await strict.close();
    }
  });

  test('says that somebody guesses codes too fast', { timeout: 60_000 }, async ({ expect }) => {
    await using strict = await startServer();
    const guess = async (n: number) => (await fetch(`${strict.http}/api/v1/codes/ZZZZ${'ABCDEFGHJKMNPQ'[n]}Z`)).status;
    const answers: number[] = [];
    for (let n = 0; n < 12; n++) answers.push(await guess(n));
    expect(answers.slice(0, 5)).toEqual([404, 404, 404, 404, 404]);
    expect(answers.at(-1)).toBe(429);
    const watch = await WatchPage.open(await newVisitor(browser), `${strict.http}/w/ZZZZZZ`);
    await sees(watch, 'Too many tries');
    await watch.page.context().close();
  });

  test('goes on at the live edge when a part comes out broken', { timeout: 60_000 }, async ({ expect }) => {
    const { streamKey, playback } = await (await Owner.guest(server.http)).create({ title: 'Broken on the way' });
    await using _encoder = publishWithFfmpeg(`${server.rtmp}/${streamKey}`, { video: LIGHT });
    const context = await preferLatency(await newVisitor(browser), 'low');
    const watch = await WatchPage.open(context, playback.page);
    await watch.untilState('playing', 15_000);
    await watch.untilFrames(15, 10_000);
    // The second time is the same decoder that has just recovered.
    for (const time of ['first', 'second']) {
      const spoilt = watch.page.waitForResponse((response) => response.headers()['x-spoilt'] === time);
      await context.route(
        /\/video\/[^/]*\.m4s/,
        (route) => route.fulfill({ status: 200, contentType: 'video/mp4', headers: { 'x-spoilt': time }, body: Buffer.alloc(4096, 0xff) }),
        { times: 1 },
      );
      await spoilt;
      await watch.untilFrames(30, 8_000);
    }
    await watch.untilState('playing', 2_000);
    const { latencyMs } = await readClock(watch.page);
    expect(latencyMs).toBeLessThan(6_000);
    await context.close();
  });

  test('survives a crash of the server in mid-broadcast without a reload', { timeout: 90_000 }, async ({ expect }) => {
    using folder = new DataFolder();
    const options = { dataDir: folder.data, env: { PORT: String(await freePort()), RTMP_PORT: String(await freePort()) } };
    const before = await startServer(options);
    const owner = await Owner.guest(before.http);
    const { stream, streamKey, playback } = await owner.create({ title: 'Crash' });
    const first = publishWithFfmpeg(`${before.rtmp}/${streamKey}`, { video: LIGHT });
    await owner.untilStatus(stream.id, 'live', 15_000);
    const watch = await WatchPage.open(await newVisitor(browser), playback.page);
    await watch.untilState('playing', 15_000);
    let loads = 0;
    watch.page.on('load', () => loads++);
    await before.kill();
    await first.stop('SIGKILL');
    await sees(watch, 'No connection to the server. Trying again…');
    await using after = await startServer(options);
    await using _second = publishWithFfmpeg(`${after.rtmp}/${streamKey}`, { video: LIGHT });
    await owner.untilStatus(stream.id, 'live', 15_000);
    await watch.untilState('playing', 20_000);
    expect((await readClock(watch.page)).latencyMs).toBeLessThan(10_000);
    expect(loads).toBe(0);
    await watch.page.context().close();
  });
});

async function sees(watch: WatchPage, sentence: string): Promise<void> {
  await until(() => watch.page.getByText(sentence).first().isVisible(), {
    what: `“${sentence}”`,
    timeoutMs: 15_000,
    seen: async () => (await visibleText(watch.page.locator('body'))).slice(0, 400),
  });
}
