/** Every page in every state at both sizes: a picture of it into output/, and nothing serious by axe. */
import type { Recording, RecordingUpload } from '@millrace/contract/entities/recording';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import type { Child } from './harness/child.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { DevicePage } from './harness/device-page.ts';
import { look, lookAtBoth, SIZES, type SizeName, seriousFaults } from './harness/look.ts';
import { readClock } from './harness/page-clock.ts';
import { LIGHT, publishEnhanced, publishWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { StudioPage } from './harness/studio-page.ts';
import { TcpProxy } from './harness/tcp-proxy.ts';
import { type PlayerState, WatchPage } from './harness/watch-page.ts';

let server: RunningServer;
let browser: Browser;
/** The streams that the pages show, by the state they are in. */
let links: Record<'live' | 'idle' | 'ended' | 'dropped' | 'hevc' | 'private', string>;
/** What sends to those that are live. */
let encoders: Record<'live' | 'hevc', Child>;
/** The one phone that most of the tests take up after each other. */
let phone: Page | undefined;
const scope = new AsyncDisposableStack();

/** What a viewer's phone loads before it can play. */
const OWN_SCRIPT_BUDGET_BYTES = 250_000;

describe.skipIf(browserTestsAreOff)('looks', () => {
  beforeAll(async () => {
    await ensureTool('ffmpeg');
    server = scope.use(await startServer({ env: { RECONNECT_GRACE_SECONDS: '600' } }));
    // Sound needs a touch, as on a person's own phone: one test is about that, and the others touch.
    browser = await openBrowser({ autoplay: 'needs-gesture', fakeCamera: 'asks', args: ['--use-fake-device-for-media-stream=fps=5'] });
    scope.defer(() => browser.close());
    ({ links, encoders } = await prepareStreams());
  });
  afterAll(() => scope.disposeAsync());

  test('watching, muted by the browser', { timeout: 60_000 }, async ({ expect }) => {
    const page = await newPhone();
    const watch = await WatchPage.open(page, links.live);
    await watch.untilPlayingUntouched(15_000);
    await watch.page.getByRole('button', { name: 'Tap for sound' }).waitFor();
    await lookAtBoth(expect, watch.page, 'watch-muted');
  });

  test.for(['phone', 'desktop'] as const)('watching on a %s', { timeout: 60_000 }, async (size, { expect }) => {
    await using desk = size === 'desktop' ? await newVisitor(browser, SIZES.desktop) : undefined;
    const watch = await WatchPage.open(await atBeginning(desk && (await desk.newPage())), links.live);
    await watch.untilState('playing', 15_000);
    await readClock(watch.page);
    await wake(watch, size);
    await look(expect, watch.page, 'watch-playing', { size });
    expect(await ownScriptBytes(watch.page)).toBeLessThan(OWN_SCRIPT_BUDGET_BYTES);
    await watch.page.getByRole('button', { name: 'Latency and quality' }).click();
    await watch.page.getByText('Details').click();
    await look(expect, watch.page, 'watch-menu', { size });
    await watch.page.keyboard.press('Escape');
    await watch.page.getByRole('button', { name: 'Share' }).click();
    await watch.page.getByText('Scan to watch').waitFor();
    await look(expect, watch.page, 'watch-share', { size });
    await watch.page.keyboard.press('Escape');
    await watch.page.keyboard.press('k');
    await watch.untilState('paused', 5_000);
    // What stands still is not called live.
    await watch.page.getByRole('button', { name: 'Go to live' }).waitFor();
    await look(expect, watch.page, 'watch-paused', { size });
  });

  const states: readonly { readonly name: string; readonly link: keyof typeof links; readonly state: PlayerState }[] = [
    { name: 'cannot-play', link: 'hevc', state: 'unplayable' },
    { name: 'waiting', link: 'idle', state: 'waiting' },
    { name: 'ended', link: 'ended', state: 'ended' },
    { name: 'reconnecting', link: 'dropped', state: 'reconnecting' },
  ];
  for (const { name, link, state } of states) {
    test(`watching, ${name}`, { timeout: 60_000 }, async ({ expect }) => {
      const page = await atBeginning();
      // Real time would convert what segments cannot show.
      await page.evaluate(() => localStorage.setItem('millrace.latency', 'low'));
      const watch = await WatchPage.open(page, links[link]);
      await watch.untilState(state, 30_000);
      if (state === 'ended') await watch.page.getByRole('link', { name: 'Watch the recording' }).waitFor();
      await lookAtBoth(expect, watch.page, `watch-${name}`);
      // Nobody looks at it any more.
      if (link === 'hevc') await encoders.hevc.stop();
    });
  }

  test('watching, without a way in', async ({ expect }) => {
    const page = await atBeginning();
    await page.goto(`${server.http}/w/ZZZZZZ`);
    await page.getByText('No stream has this code').waitFor();
    await lookAtBoth(expect, page, 'watch-wrong-code');
    await page.goto(`${links.private}?token=stale`);
    await page.getByText('This link no longer works').waitFor();
    await lookAtBoth(expect, page, 'watch-stale-link');
    await page.route(/\/api\/v1\/codes\//, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), elsewhere: true } });
    });
    await page.goto(links.live);
    await page.getByText('This stream is live on another server').waitFor();
    await lookAtBoth(expect, page, 'watch-elsewhere');
  });

  test('home', async ({ expect }) => {
    const page = await atBeginning();
    await page.goto(`${server.http}/`);
    await page.getByRole('link', { name: /The mill at dusk/ }).waitFor();
    await lookAtBoth(expect, page, 'home');
    await page.getByRole('textbox', { name: 'Code' }).pressSequentially('k7q');
    await lookAtBoth(expect, page, 'home-typing');
    await page.goto(`${server.http}/nothing/here`);
    await page.getByText('There is nothing at this address').waitFor();
    await lookAtBoth(expect, page, 'not-found');
    await encoders.live.stop();
  });

  test('nothing that axe finds is missed', async ({ expect }) => {
    const page = await atBeginning();
    await page.setContent('<title>Faulty</title><button></button><p style="color: #ccc; background: #fff">Pale</p>');
    expect((await seriousFaults(page)).map((fault) => fault.split(':')[0])).toEqual(['button-name', 'color-contrast', 'html-has-lang']);
  });

  test('trusting the certificate', async ({ expect }) => {
    const page = await atBeginning();
    await page.goto(`${server.http}/trust`);
    await page.getByRole('heading', { name: 'Trust this server' }).waitFor();
    await lookAtBoth(expect, page, 'trust');
    await page.getByText('Windows', { exact: true }).click();
    const fingerprint = page.getByRole('group', { name: 'SHA-256 fingerprint' });
    await lookAtBoth(expect, page, 'trust-below', { scroll: () => fingerprint.scrollIntoViewIfNeeded() });
    await page.route('**/api/v1/trust', (route) => route.fulfill({ json: { secureUrl: 'https://live.example.org', authority: null } }));
    await page.reload();
    await page.getByText('Nothing to install').waitFor();
    await lookAtBoth(expect, page, 'trust-public');
  });

  test('going live', { timeout: 90_000 }, async ({ expect }) => {
    const blank = await atBeginning();
    await blank.goto(`${server.http}/live`);
    await blank.getByRole('button', { name: 'Create stream' }).click();
    await blank.getByText('Give the stream a title first.').waitFor();
    expect(await blank.getByRole('textbox', { name: 'Title' }).evaluate((field) => field === document.activeElement)).toBe(true);
    await lookAtBoth(expect, blank, 'go-live-choose');
    const studio = await StudioPage.create(blank, server.http, 'Evening set', 'When I start it');
    await studio.untilSays(/Waiting for your encoder/, 5_000);
    const [address, key] = [await studio.copied('the server'), await studio.copied('the stream key')];
    await lookAtBoth(expect, studio.page, 'go-live-waiting');
    const whip = studio.page.getByRole('heading', { name: 'Or by WHIP' });
    await lookAtBoth(expect, studio.page, 'go-live-waiting-whip', { scroll: () => whip.evaluate((heading) => heading.scrollIntoView()) });
    // Ten seconds between key frames and B-frames: the page has something to warn of.
    await using encoder = publishWithFfmpeg(`${address}/${key}`, { fps: '15', video: ['-preset', 'veryfast', '-g', '150', '-bf', '2', '-b_strategy', '0'] });
    await studio.untilSays(/Only you see this/, 15_000);
    await lookAtBoth(expect, studio.page, 'go-live-preview');
    await studio.page.getByRole('button', { name: 'Start for viewers' }).click();
    await readClock(studio.page, { timeoutMs: 15_000 });
    await studio.untilSays(/The encoder sends B-frames/, 15_000);
    await studio.untilSays(/Key frames are far apart/, 15_000);
    await lookAtBoth(expect, studio.page, 'go-live-on-air');
    await studio.page.getByRole('button', { name: 'End broadcast' }).click();
    await studio.page.getByText('End the broadcast?').waitFor();
    await lookAtBoth(expect, studio.page, 'go-live-end');
    await studio.page.getByRole('button', { name: 'End it' }).click();
    await studio.untilSays(/The broadcast ended at/, 10_000);
    await studio.page.getByRole('dialog').waitFor({ state: 'detached' });
    await lookAtBoth(expect, studio.page, 'go-live-ended');
    await encoder.stop('SIGKILL');
    expect(studio.complaints.list).toEqual([]);
  });

  test('going live from the device, without the camera', async ({ expect }) => {
    const device = await DevicePage.open(await atBeginning(), server.http);
    await device.untilSays(/The browser may not use the camera/, 10_000);
    await lookAtBoth(expect, device.page, 'device-refused');
  });

  test('going live from the device, dark and light', { timeout: 150_000 }, async ({ expect }) => {
    const blank = await atBeginning();
    await blank.context().grantPermissions(['camera', 'microphone']);
    const choose = (page: Page, theme: 'light' | 'dark') => page.evaluate((chosen) => document.documentElement.setAttribute('data-mantine-color-scheme', chosen), theme);
    // Sizes move things and themes colour them: three of the four show both.
    const inBothThemes = async (page: Page, name: string) => {
      await choose(page, 'dark');
      await lookAtBoth(expect, page, `${name}-dark`);
      await choose(page, 'light');
      await look(expect, page, `${name}-light`, { size: 'phone' });
    };
    await blank.goto(`${server.http}/live`);
    await blank.getByText('This device', { exact: true }).click();
    await inBothThemes(blank, 'device-choose');
    const device = await DevicePage.open(blank, server.http, 'From the bridge');
    await device.untilPicture(15_000);
    await inBothThemes(device.page, 'device-setup');
    await device.page.getByRole('button', { name: 'Quality and devices' }).click();
    await device.page.getByRole('combobox', { name: 'Quality' }).waitFor();
    await inBothThemes(device.page, 'device-menu');
    await device.page.keyboard.press('Escape');
    await device.page.getByRole('button', { name: 'Go live' }).click();
    await device.untilState('live', 15_000);
    await device.untilSays(/\d viewers? 0:0[2-9]/, 15_000);
    await inBothThemes(device.page, 'device-live');
    for (const [size, theme] of [
      ['phone', 'light'],
      ['phone', 'dark'],
      ['desktop', 'dark'],
    ] as const) {
      await device.page.setViewportSize(SIZES[size]);
      await choose(device.page, theme);
      // Opened anew: what lies over the page keeps its place while a window changes its size.
      await device.page.getByRole('button', { name: /^Connection:/ }).click();
      await device.untilSays(/Round trip \d/, 10_000);
      await look(expect, device.page, `device-figures-${theme}`, { size });
      await device.page.getByRole('button', { name: /^Connection:/ }).click();
    }
    await device.page.getByRole('button', { name: 'End', exact: true }).click();
    await device.page.getByText('End the broadcast?').waitFor();
    await inBothThemes(device.page, 'device-end');
    await device.page.getByRole('button', { name: 'End it' }).click();
    await device.untilSays(/The broadcast ended at/, 10_000);
    await device.page.getByRole('dialog').waitFor({ state: 'detached' });
    await inBothThemes(device.page, 'device-ended');
    expect(device.complaints.list).toEqual([]);
  });

  test('library', async ({ expect }) => {
    const page = await atBeginning();
    await page.evaluate(() => localStorage.setItem('millrace.token', 'a-token'));
    const answer = (items: readonly Recording[]) => page.route('**/api/v1/recordings?*', (route) => route.fulfill({ json: { items, nextCursor: null } }));
    await answer(KEPT);
    await page.goto(`${server.http}/library`);
    await page.getByText('Recording…').waitFor();
    await lookAtBoth(expect, page, 'library');
    await page.getByRole('button', { name: 'Actions for Morning session' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).waitFor();
    await lookAtBoth(expect, page, 'library-menu');
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByText('Delete “Morning session”?').waitFor();
    await lookAtBoth(expect, page, 'library-delete');
    await answer([]);
    await page.reload();
    await page.getByText('Nothing is kept yet').waitFor();
    await lookAtBoth(expect, page, 'library-empty');
    await page.route('**/api/v1/recordings?*', (route) => route.abort());
    await page.reload();
    await page.getByText('Your recordings cannot be read right now').waitFor({ timeout: 20_000 });
    await lookAtBoth(expect, page, 'library-failed');
    await page.goto(`${server.http}/v/${KEPT[0]?.id}`);
    await page.getByText('This recording is not here').waitFor();
    await lookAtBoth(expect, page, 'recording-gone');
  });
});

/** What a library may hold, one of each kind. */
const KEPT: readonly Recording[] = [
  keptAs('now', { title: 'The mill at dusk', state: 'recording', seconds: 0, endedAt: null }),
  keptAs('repaired', { title: 'Evening walk', state: 'recording', seconds: 0, endedAt: null, task: { kind: 'repair', share: 0.6, secondsLeft: 4 } }),
  keptAs('prepared', { title: 'The long night', task: { kind: 'download', share: 0.4, secondsLeft: 12 } }),
  keptAs('morning', { title: 'Morning session', storage: { local: false, elsewhere: false, upload: uploadOf({ state: 'uploaded', sentBytes: 1_400_000_000 }) } }),
  keptAs('stopped', { title: 'A title that is so long that it needs two lines on a card, and then some more', problem: 'disk_full', visibility: 'private' }),
  keptAs('sending', { title: 'Regatta', storage: { local: true, elsewhere: false, upload: uploadOf({ state: 'uploading', sentBytes: 600_000_000, secondsLeft: 185 }) } }),
  keptAs('waiting', { title: 'Regatta, second day', storage: { local: true, elsewhere: false, upload: uploadOf({ state: 'waiting' }) } }),
  keptAs('full', {
    title: 'Regatta, third day',
    storage: { local: true, elsewhere: false, upload: uploadOf({ state: 'failing', sentBytes: 300_000_000, problem: 'storage_full' }) },
  }),
  keptAs('elsewhere', { title: 'Regatta, at the other quay', storage: { local: true, elsewhere: true, upload: null } }),
  keptAs('gone', { title: 'From the harbour wall', state: 'failed', problem: 'interrupted', seconds: 0, bytes: 0 }),
  keptAs('nothing', { title: 'From the train', state: 'failed', problem: 'quota_reached', seconds: 0, bytes: 0 }),
];

function uploadOf(changes: Partial<RecordingUpload>): RecordingUpload {
  return { state: 'waiting', sentBytes: 0, totalBytes: 1_400_000_000, secondsLeft: null, problem: null, ...changes };
}

function keptAs(name: string, changes: Partial<Recording>): Recording {
  const id = name.padEnd(21, '0');
  const playback = { page: `http://127.0.0.1/v/${id}`, hls: '', dash: '', download: '', poster: '', storyboard: '' };
  const at = new Date(2026, 9, 4, 20, 15).toISOString();
  return {
    ...{ id, streamId: null, broadcastId: id, title: name, visibility: 'unlisted', state: 'ready', problem: null, seconds: 4_271, bytes: 1_400_000_000 },
    ...{ startedAt: at, endedAt: at, updatedAt: at, storage: { local: true, elsewhere: false, upload: null }, task: null, hasPoster: false, playback },
    ...changes,
  };
}

async function wake(watch: WatchPage, size: SizeName): Promise<void> {
  if (size === 'phone') await watch.video.tap({ position: { x: 150, y: 60 } });
  else await watch.player.hover();
}

/** A phone that was never here, in which pages are looked at in the size of a desktop too, unless they are another's. */
async function newPhone(): Promise<Page> {
  await phone?.context().close();
  phone = await (await newVisitor(browser, SIZES.phone)).newPage();
  return phone;
}

/** The phone, or this other page, as a person has it before they come here: nothing is remembered, nothing plays, and it was touched. */
async function atBeginning(other?: Page): Promise<Page> {
  const page = other ?? phone ?? (await newPhone());
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await page.goto(`${server.http}/healthz`);
  await page.evaluate(() => {
    localStorage.clear();
    sessionStorage.clear();
  });
  if (!other) await page.setViewportSize(SIZES.phone);
  return page;
}

/** Of scripts as they came over the network, without the player for segments, which is loaded beside them. */
function ownScriptBytes(page: Page): Promise<number> {
  return page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .filter((entry) => entry instanceof PerformanceResourceTiming && /\.js$/.test(entry.name) && !/\/hls-/.test(entry.name))
      .reduce((sum, entry) => sum + (entry instanceof PerformanceResourceTiming ? entry.encodedBodySize : 0), 0),
  );
}

async function prepareStreams(): Promise<{ links: typeof links; encoders: typeof encoders }> {
  const network = scope.use(await TcpProxy.to({ host: '127.0.0.1', port: server.rtmpPort }));
  const owner = await Owner.guest(server.http);
  const live = await owner.create({ title: 'The mill at dusk', visibility: 'public', description: 'Water, light and a slow wheel. Every evening from the bridge.' });
  const idle = await owner.create({ title: 'Tomorrow at eight' });
  const ended = await owner.create({ title: 'Morning session', record: true });
  const dropped = await owner.create({ title: 'From the train' });
  const hevc = await owner.create({ title: 'In a format of its own' });
  const hidden = await owner.create({ title: 'Family', visibility: 'private' });
  const liveEncoder = scope.use(publishWithFfmpeg(`${server.rtmp}/${live.streamKey}`, { video: LIGHT, size: '640x360', fps: '15' }));
  const hevcEncoder = scope.use(publishEnhanced(`${server.rtmp}/${hevc.streamKey}`, { video: 'hevc', audio: 'aac', seconds: 900, fps: 5 }));
  await using short = publishWithFfmpeg(`${server.rtmp}/${ended.streamKey}`, { video: LIGHT });
  scope.use(publishWithFfmpeg(`rtmp://127.0.0.1:${network.port}/live/${dropped.streamKey}`, { video: LIGHT }));
  for (const { stream } of [live, hevc, ended, dropped]) await owner.untilStatus(stream.id, 'live', 30_000);
  await owner.stop(ended.stream.id);
  await short.stop();
  network.cut();
  await owner.untilStatus(dropped.stream.id, 'reconnecting', 20_000);
  const page = (answer: { readonly playback: { readonly page: string } }) => answer.playback.page;
  return {
    links: { live: page(live), idle: page(idle), ended: page(ended), dropped: page(dropped), hevc: page(hevc), private: `${server.http}/w/${hidden.stream.code}` },
    encoders: { live: liveEncoder, hevc: hevcEncoder },
  };
}
