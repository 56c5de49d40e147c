/** What the watch page says when there is nothing to see, and how it comes back by itself. */
import type { Browser, Page } from 'playwright-core';
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

/** Of which the page has to draw half as many pictures. */
const SLOW = { video: [...LIGHT, '-g', '15'], fps: '15' };

/** One after the other, for they go on with what the one before left, beside those of the other group. */
const IN_TURN = { concurrent: false, timeout: 90_000 };

describe.skipIf(browserTestsAreOff)('the watch page', () => {
  beforeAll(async () => {
    await ensureTool('ffmpeg');
    server = scope.use(await startServer({ env: { RECONNECT_GRACE_SECONDS: '3' } }));
    // As on a person's own phone: sound needs a touch.
    browser = await openBrowser({ autoplay: 'needs-gesture' });
    scope.defer(() => browser.close());
  });
  afterAll(() => scope.disposeAsync());

  describe.concurrent('of a broadcast that is live', () => {
    let owner: Owner;
    let streamId: string;
    let link: string;
    let phone: Page;

    test('shows a preview to its owner alone, until the owner starts', IN_TURN, async ({ expect }) => {
      const studio = await StudioPage.create(await newVisitor(browser, PHONE), server.http, 'By hand', 'When I start it');
      const [address, key] = [await studio.copied('the server'), await studio.copied('the stream key')];
      link = await studio.copied('the link');
      streamId = studio.streamId;
      owner = Owner.of(server.http, await studio.page.evaluate(() => localStorage.getItem('millrace.token') ?? ''));
      const watch = await WatchPage.open(await newVisitor(browser, PHONE), link);
      scope.use(publishWithFfmpeg(`${address}/${key}`, { video: LIGHT }));
      await readClock(studio.page, { timeoutMs: 15_000 });
      await studio.untilSays(/Only you see this/, 5_000);
      expect(await watch.state()).toBe('waiting');
      expect((await fetch(`${server.http}/hls/${streamId}/index.m3u8`)).status).toBe(404);
      await studio.page.getByRole('button', { name: 'Start for viewers' }).click();
      await watch.untilState('playing', 10_000);
      await readClock(watch.page);
      for (const { complaints } of [studio, watch]) expect(complaints.list).toEqual([]);
      for (const { page } of [studio, watch]) await page.context().close();
    });

    test('starts without sound where the browser wants a tap first, and gives the sound with the tap', IN_TURN, async ({ expect }) => {
      const watch = await WatchPage.open(await preferLatency(await newVisitor(browser, PHONE), 'low'), link);
      phone = watch.page;
      await watch.untilPlayingUntouched(15_000);
      expect(await watch.askUntouched(`document.querySelector('video').muted`)).toBe(true);
      await phone.getByRole('button', { name: 'Tap for sound' }).tap();
      await hearSound(phone);
      expect(watch.complaints.list).toEqual([]);
    });

    test('goes on at the live edge when a part comes out broken', IN_TURN, async ({ expect }) => {
      const watch = await WatchPage.open(phone, link);
      await watch.untilState('playing', 15_000);
      await watch.untilFrames(15, 10_000);
      // The second time is the same decoder that has just recovered.
      for (const time of ['first', 'second']) {
        const spoilt = phone.waitForResponse((response) => response.headers()['x-spoilt'] === time);
        await phone.route(
          /\/video\/[^/]*\.m4s/,
          (route) => route.fulfill({ status: 200, contentType: 'video/mp4', headers: { 'x-spoilt': time }, body: Buffer.alloc(4096, 0xff) }),
          { times: 1 },
        );
        await spoilt;
        await watch.untilFrames(30, 8_000);
      }
      await watch.untilState('playing', 2_000);
      const { latencyMs } = await readClock(phone);
      expect(latencyMs).toBeLessThan(6_000);
    });

    test('hides a stream that becomes private from those without a link, plays it with one, and says when the link is stale', IN_TURN, async ({ expect }) => {
      const { stream, playback } = await owner.change(streamId, { visibility: 'unlisted' });
      const stranger = await WatchPage.open(phone, `${server.http}/w/${stream.code}`);
      await stranger.untilState('playing', 15_000);
      await owner.change(streamId, { visibility: 'private' });
      await sees(stranger, 'No stream has this code');
      const bare = new URL(playback.hls);
      bare.search = '';
      expect([401, 404]).toContain((await fetch(bare)).status);
      const friend = await WatchPage.open(phone, (await owner.playbackToken(streamId)).playback.page);
      await friend.untilState('playing', 15_000);
      await readClock(phone);
      const stale = await WatchPage.open(phone, `${server.http}/w/${stream.code}?token=stale`);
      await sees(stale, 'This link no longer works');
      for (const { complaints } of [stranger, friend, stale]) expect(complaints.list).toEqual([]);
      await phone.context().close();
    });
  });

  describe.concurrent('of broadcasts that come and go', () => {
    let phone: Page;
    let restarted: RunningServer | undefined;

    beforeAll(async () => {
      phone = await (await newVisitor(browser, PHONE)).newPage();
    });

    test('says that no stream has a wrong code, and takes another one', IN_TURN, async ({ expect }) => {
      const { stream } = await (await Owner.guest(server.http)).create({ title: 'Found at the second try' });
      const wrong = stream.code === 'ZZZZZZ' ? 'ZZZZZY' : 'ZZZZZZ';
      const watch = await WatchPage.typeCode(phone, server.http, wrong);
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
    });

    test('waits before the start, begins by itself, says when it ended, and begins again with the next broadcast', IN_TURN, async ({ expect }) => {
      const owner = await Owner.guest(server.http);
      const { stream, streamKey, playback } = await owner.create({ title: 'Twice' });
      const watch = await WatchPage.open(phone, playback.page);
      await watch.untilState('waiting', 10_000);
      await sees(watch, 'Starts when the host goes live');
      for (const round of ['first', 'second']) {
        await using encoder = publishWithFfmpeg(`${server.rtmp}/${streamKey}`, SLOW);
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
    });

    test('survives a crash of the server in mid-broadcast without a reload', IN_TURN, async ({ expect }) => {
      const folder = scope.use(new DataFolder());
      const options = { dataDir: folder.data, env: { PORT: String(await freePort()), RTMP_PORT: String(await freePort()) } };
      const before = await startServer(options);
      const owner = await Owner.guest(before.http);
      const { stream, streamKey, playback } = await owner.create({ title: 'Crash' });
      const first = publishWithFfmpeg(`${before.rtmp}/${streamKey}`, SLOW);
      await owner.untilStatus(stream.id, 'live', 15_000);
      const watch = await WatchPage.open(phone, playback.page);
      await watch.untilState('playing', 15_000);
      let loads = 0;
      watch.page.on('load', () => loads++);
      await before.kill();
      await first.stop('SIGKILL');
      await sees(watch, 'No connection to the server. Trying again…');
      restarted = scope.use(await startServer(options));
      await using _second = publishWithFfmpeg(`${restarted.rtmp}/${streamKey}`, SLOW);
      await owner.untilStatus(stream.id, 'live', 15_000);
      await watch.untilState('playing', 20_000);
      expect((await readClock(watch.page)).latencyMs).toBeLessThan(10_000);
      expect(loads).toBe(0);
    });

    test('says that somebody guesses codes too fast', IN_TURN, async ({ expect }) => {
      // One that nobody has asked for a code yet.
      const strict = restarted ?? scope.use(await startServer());
      restarted = undefined;
      const guess = async (n: number) => (await fetch(`${strict.http}/api/v1/codes/ZZZZ${'ABCDEFGHJKMNPQ'[n]}Z`)).status;
      const answers: number[] = [];
      for (let n = 0; n < 12; n++) answers.push(await guess(n));
      expect(answers.slice(0, 5)).toEqual([404, 404, 404, 404, 404]);
      expect(answers.at(-1)).toBe(429);
      await sees(await WatchPage.open(phone, `${strict.http}/w/ZZZZZZ`), 'Too many tries');
    });
  });
});

async function sees(watch: WatchPage, sentence: string): Promise<void> {
  await until(() => watch.page.getByText(sentence).first().isVisible(), {
    what: `“${sentence}”`,
    timeoutMs: 15_000,
    seen: async () => (await visibleText(watch.page.locator('body'))).slice(0, 400),
  });
}
