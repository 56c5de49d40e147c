/** One publisher at several sizes: a browser's simulcast layers become renditions, between which players change. */
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { PlaylistChecker } from '@millrace/media/m3u8/check-playlist';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { ROOT } from './harness/folder.ts';
import { playFor } from './harness/page-clock.ts';
import { PlayerPages } from './harness/player-pages.ts';
import { followPlaylist, renditionsOf } from './harness/playlist-follower.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { UdpProxy } from './harness/udp-proxy.ts';
import { until } from './harness/until.ts';
import { moreFrames, openBlankPage, playInPage, publishFromPage, receivedBy, whipOf } from './harness/webrtc-page.ts';

/** Of the layers, least first: the whole picture is the last of them. Small ones take so little that Chromium goes on to send all of them on a busy machine. */
const WIDTHS = [64, 128, 256];
const SIZE = { width: 256, height: 144 };
const [LEAST = 0, MIDDLE = 0, BEST = 0] = WIDTHS;

/** Chromium sends three layers of small pictures when it is told to, and else of large ones alone. */
const ALL_LAYERS = '--force-fieldtrials=WebRTC-LegacySimulcastLayerLimit/Disabled/';

/** Its fake camera gives less, which for small pictures is fewer packets than the server tells a loss by. */
const FRAMES = '--use-fake-device-for-media-stream=fps=25';

describe.skipIf(browserTestsAreOff)('simulcast', () => {
  const scope = new AsyncDisposableStack();
  let browser: Browser;
  let server: RunningServer;
  let pages: PlayerPages;
  let owner: Owner;
  /** A page that publishes and one that plays, for all tests: each ends what it did before. */
  let publisher: Page;
  let viewer: Page;

  beforeAll(async () => {
    browser = await openBrowser({ autoplay: 'allowed', fakeCamera: true, args: [ALL_LAYERS, FRAMES] });
    scope.defer(() => browser.close());
    server = scope.use(await startServer());
    pages = scope.use(await PlayerPages.open());
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

  async function openPages(): Promise<void> {
    [publisher, viewer] = [await openBlankPage(browser, server.http), await openBlankPage(browser, server.http)];
  }

  /** A stream that the page publishes at three sizes. */
  async function broadcast(codec: string) {
    const made = await owner.create({ title: 'At several sizes' });
    expect((await publishFromPage(publisher, { ...whipOf(made), codec, layers: WIDTHS.length, size: SIZE })).status).toBe(201);
    await owner.untilStatus(made.stream.id, 'live', 20_000);
    return { id: made.stream.id, ...made.playback };
  }

  /** Layers stop from the largest on, and come back: a viewer gets the largest of those that come. */
  async function eachSizeReachesViewer(whileAway: () => Promise<void> = async () => undefined): Promise<void> {
    await receives(viewer, BEST);
    await setActive(publisher, 2, false);
    await receives(viewer, MIDDLE);
    await setActive(publisher, 1, false);
    await receives(viewer, LEAST);
    await moreFrames(viewer, 20, 15_000);
    await whileAway();
    await setActive(publisher, 1, true);
    await receives(viewer, MIDDLE);
    await setActive(publisher, 2, true);
    await receives(viewer, BEST);
    expect((await receivedBy(viewer)).state).toBe('connected');
  }

  test('each layer of H264 is a rendition that keeps every rule and reaches a WHEP viewer while no larger one comes, with those that stop and come back', {
    timeout: 180_000,
  }, async () => {
    const { hls, whep, id } = await broadcast('H264');
    await untilWidths(hls, [BEST, MIDDLE, LEAST]);
    const violations: string[] = [];
    const latest = new Map<string, string>();
    const over = new AbortController();
    const readers = (await renditionsOf(hls)).map((url) => {
      const checker = new PlaylistChecker({ shortParts: 'allowed' });
      return followPlaylist(url, {
        signal: over.signal,
        see: (text) => {
          for (const violation of checker.check(text)) violations.push(`${new URL(url).pathname}: ${violation}`);
          latest.set(new URL(url).pathname.split('/').at(-2) ?? '', text);
        },
      });
    });
    expect(readers).toHaveLength(4);
    await Promise.all([segmentsOf(latest, 'video', 3), playInPage(viewer, whep).then(({ status }) => expect(status).toBe(201))]);
    await eachSizeReachesViewer(async () => {
      const before = lastNumber(latest.get('video3') ?? '');
      const isGone = () => latest.get('video')?.includes('#EXT-X-GAP') && gapsAtEnd(latest.get('video') ?? '') > 1;
      await Promise.all([until(isGone, { what: 'gaps where the best layer was', timeoutMs: 30_000, seen: () => latest.get('video') ?? '' }), segmentsOf(latest, 'video3', 2)]);
      // The segments go on at their pace: the gaps of the silent rendition are as long.
      expect(Math.abs(lastNumber(latest.get('video') ?? '') - lastNumber(latest.get('video3') ?? ''))).toBeLessThanOrEqual(1);
      expect(lastNumber(latest.get('video3') ?? '')).toBeGreaterThan(before);
    });
    for (const name of ['video', 'video2'])
      await until(() => gapsAtEnd(latest.get(name) ?? '') === 0, { what: `${name} again`, timeoutMs: 60_000, seen: () => latest.get(name) ?? '' });
    await owner.stop(id);
    await Promise.all(readers);
    over.abort();
    expect(violations.slice(0, 20)).toEqual([]);
  });

  test('each layer of VP8 reaches a WHEP viewer while no larger one comes', async () => {
    const { whep } = await broadcast('VP8');
    expect((await playInPage(viewer, whep)).status).toBe(201);
    await eachSizeReachesViewer();
  });

  test('hls.js and dash.js play every size and change between them', { timeout: 180_000 }, async () => {
    const { hls, dash } = await broadcast('H264');
    await untilWidths(hls, [BEST, MIDDLE, LEAST]);
    await using context = await newVisitor(browser);
    const plays = async (library: 'hls' | 'dash', source: string) => {
      await until(async () => (await fetch(source)).ok, { what: 'a manifest', timeoutMs: 15_000 });
      const player = await context.newPage();
      await player.goto(pages.url(library, source));
      await playFor(player, 2, 30_000);
      for (const width of [LEAST, BEST, MIDDLE]) {
        const isShown = async () => (await shownWidth(player)) === width;
        // What was chosen is of the stretch that is played: where a layer paused another begins, in which it is chosen anew.
        const choose = async () => {
          await chooseWidth(player, width);
          return until(isShown, { what: 'the choice', timeoutMs: 10_000 }).catch(() => false);
        };
        await until(choose, { what: `${width} pixels in ${library}.js`, timeoutMs: 30_000, seen: async () => `${await shownWidth(player)}` });
        await playFor(player, 2, 20_000);
      }
      expect(await player.evaluate(() => document.body.dataset['errors'])).not.toContain('fatal');
    };
    await Promise.all([plays('hls', hls), plays('dash', dash)]);
  });

  test('a WHEP viewer who loses packets gets a smaller size, and no other viewer does', async () => {
    const { whep } = await broadcast('H264');
    await using network = await UdpProxy.before(Number(new URL(server.addresses.get('webrtc') ?? '').port));
    const far = await openBlankPage(browser, server.http);
    expect((await playInPage(viewer, whep)).status).toBe(201);
    expect((await playInPage(far, whep, { port: network.port })).status).toBe(201);
    await receives(far, BEST);
    const before = await metric(server, 'whepLowered');
    network.fault = { loss: 0.25 };
    await until(async () => (await metric(server, 'whepLowered')) > before, { what: 'a viewer to be given less', timeoutMs: 45_000 });
    network.fault = {};
    await receives(far, MIDDLE);
    await moreFrames(far, 30, 20_000);
    expect((await receivedBy(far)).width).toBe(MIDDLE);
    // On a busy machine the publisher itself may have sent less for a moment.
    await receives(viewer, BEST);
    expect(await metric(server, 'whepLowered')).toBe(before + 1);
    await far.context().close();
  });

  test('the client sends half the size beside the whole, and keeps both to a quality', async () => {
    const made = await owner.create({ title: 'By the client' });
    await publisher.reload();
    await loadClient(publisher);
    await publisher.evaluate(publishWithClient, { url: made.ingest.whip.url, token: made.streamKey });
    await owner.untilStatus(made.stream.id, 'live', 20_000);
    await untilWidths(made.playback.hls, [960, 480]);
    await publisher.evaluate(() => Reflect.get(window, 'publisher').limit({ maxHeight: 360, maxBitsPerSecond: 600_000 }));
    await untilWidths(made.playback.hls, [640, 320]);
  });
});

/** Gives the page `publish` of the client, its modules as a bundler would have them. */
async function loadClient(page: Page): Promise<void> {
  await page.route('**/client/**', async (route) => {
    const source = await readFile(join(ROOT, new URL(route.request().url()).pathname), 'utf8');
    await route.fulfill({ contentType: 'text/javascript', body: stripTypeScriptTypes(source) });
  });
  await page.addScriptTag({ type: 'module', content: "import { publish } from '/client/publish/publisher.ts'; Object.assign(window, { publish });" });
  await until(() => page.evaluate(() => 'publish' in window), { what: 'the client in the page', timeoutMs: 10_000 });
}

async function publishWithClient({ url, token }: { url: string; token: string }): Promise<void> {
  const publish = Reflect.get(window, 'publish');
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720 }, audio: true });
  const publisher = publish({ url, token, stream, simulcast: true, limits: { maxHeight: 540, maxBitsPerSecond: 1_500_000, maxFramesPerSecond: 15 } });
  Object.assign(window, { publisher });
}

async function untilWidths(hls: string, widths: readonly number[]): Promise<void> {
  const seen = async () => (await fetch(hls)).text();
  await until(async () => [...(await seen()).matchAll(/RESOLUTION=(\d+)x/g)].map(([, width]) => width).join() === widths.join(), {
    what: `renditions ${widths.join(' and ')} pixels wide`,
    timeoutMs: 45_000,
    seen,
  });
}

async function receives(page: Page, width: number): Promise<void> {
  await until(async () => (await receivedBy(page)).width === width, {
    what: `${width} pixels by WHEP`,
    timeoutMs: 45_000,
    seen: async () => JSON.stringify(await receivedBy(page)),
  });
}

async function metric({ http }: RunningServer, kind: string): Promise<number> {
  const text = await (await fetch(`${http}/metrics`)).text();
  return Number(new RegExp(`^millrace_webrtc_incidents_total\\{kind="${kind}"\\} (\\d+)$`, 'm').exec(text)?.[1]);
}

async function segmentsOf(latest: ReadonlyMap<string, string>, name: string, count: number): Promise<void> {
  const from = await until(() => latest.has(name) && lastNumber(latest.get(name) ?? ''), { what: `a playlist of ${name}`, timeoutMs: 20_000 });
  await until(() => lastNumber(latest.get(name) ?? '') >= from + count, { what: `${count} segments of ${name}`, timeoutMs: 30_000, seen: () => latest.get(name) ?? '' });
}

/** Number of the last whole segment. */
function lastNumber(text: string): number {
  const first = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? 0);
  return first + (text.match(/#EXTINF/g)?.length ?? 0) - 1;
}

/** Whole segments without media at the end of the playlist. */
function gapsAtEnd(text: string): number {
  const segments = text.split(/(?<=\n[^#\n]+\n)/).filter((block) => block.includes('#EXTINF'));
  const last = segments.findLastIndex((block) => !block.includes('#EXT-X-GAP'));
  return last === -1 ? 0 : segments.length - 1 - last;
}

/** Turns a layer of the publisher on or off. */
function setActive(page: Page, layer: number, active: boolean): Promise<void> {
  return page.evaluate(
    async ({ layer, active }) => {
      const connection: unknown = Reflect.get(window, 'connection');
      if (!(connection instanceof RTCPeerConnection)) return;
      const sender = connection.getSenders().find(({ track }) => track?.kind === 'video');
      const parameters = sender?.getParameters();
      const encoding = parameters?.encodings[layer];
      if (!sender || !parameters || !encoding) throw new Error('no such layer');
      encoding.active = active;
      await sender.setParameters(parameters);
    },
    { layer, active },
  );
}

function shownWidth(page: Page): Promise<number> {
  return page.evaluate(() => document.querySelector('video')?.videoWidth ?? 0);
}

function chooseWidth(page: Page, width: number): Promise<void> {
  return page.evaluate((wanted) => {
    const player = Reflect.get(window, 'player');
    if (Array.isArray(player.levels)) {
      player.nextLevel = player.levels.findIndex((level: { width: number }) => level.width === wanted);
      return;
    }
    player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false } } } });
    const chosen = player.getRepresentationsByType('video').find((each: { width: number }) => each.width === wanted);
    player.setRepresentationForTypeById('video', chosen.id, true);
  }, width);
}
