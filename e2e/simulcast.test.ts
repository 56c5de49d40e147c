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
import { moreFrames, type PublishOptions, playInPage, publishFromPage, receivedBy, whipOf } from './harness/webrtc-page.ts';

/** Of the fake camera at 640 × 480, of which Chromium sends no more layers. */
const WIDTHS = [640, 320];

describe.skipIf(browserTestsAreOff)('simulcast', () => {
  let browser: Browser;
  let server: RunningServer;
  let pages: PlayerPages;
  let owner: Owner;

  beforeAll(async () => {
    browser = await openBrowser({ autoplay: 'allowed', fakeCamera: true });
    server = await startServer();
    pages = await PlayerPages.open();
  });
  beforeEach(async () => {
    owner = await Owner.guest(server.http);
  });
  afterAll(async () => {
    await browser?.close();
    await pages?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });

  async function pageAt(url: string): Promise<Page> {
    const page = await (await newVisitor(browser)).newPage();
    await page.goto(url);
    return page;
  }

  /** A stream that a page publishes at several sizes. */
  async function broadcast(codec: string, layers: Pick<PublishOptions, 'layers' | 'size'> = { layers: 2 }) {
    const made = await owner.create({ title: 'At several sizes' });
    const publisher = await pageAt(`${server.http}/healthz`);
    expect((await publishFromPage(publisher, { ...whipOf(made), codec, ...layers })).status).toBe(201);
    await owner.untilStatus(made.stream.id, 'live', 20_000);
    return { id: made.stream.id, publisher, ...made.playback };
  }

  test('the client sends half the size beside the whole, and keeps both to a quality', async () => {
    const made = await owner.create({ title: 'By the client' });
    const page = await pageAt(`${server.http}/healthz`);
    await loadClient(page);
    await page.evaluate(publishWithClient, { url: made.ingest.whip.url, token: made.streamKey });
    await owner.untilStatus(made.stream.id, 'live', 20_000);
    await untilWidths(made.playback.hls, [960, 480]);
    await page.evaluate(() => Reflect.get(window, 'publisher').limit({ maxHeight: 360, maxBitsPerSecond: 600_000 }));
    await untilWidths(made.playback.hls, [640, 320]);
  });

  test('each layer is a rendition that keeps every rule, with one that stops and comes back', async () => {
    const { publisher, hls, id } = await broadcast('H264');
    await untilWidths(hls, WIDTHS);
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
    expect(readers).toHaveLength(3);
    await segmentsOf(latest, 'video', 3);
    await setActive(publisher, 1, false);
    await until(() => latest.get('video')?.includes('#EXT-X-GAP') && gapsAtEnd(latest.get('video') ?? '') > 1, {
      what: 'gaps where the best layer was',
      timeoutMs: 30_000,
      seen: () => latest.get('video') ?? '',
    });
    const before = lastNumber(latest.get('video2') ?? '');
    await segmentsOf(latest, 'video2', 2);
    // The segments go on at their pace: the gaps of the silent rendition are as long.
    expect(Math.abs(lastNumber(latest.get('video') ?? '') - lastNumber(latest.get('video2') ?? ''))).toBeLessThanOrEqual(1);
    expect(lastNumber(latest.get('video2') ?? '')).toBeGreaterThan(before);
    await setActive(publisher, 1, true);
    await until(() => gapsAtEnd(latest.get('video') ?? '') === 0, { what: 'the best layer again', timeoutMs: 30_000, seen: () => latest.get('video') ?? '' });
    await owner.stop(id);
    await Promise.all(readers);
    over.abort();
    expect(violations.slice(0, 20)).toEqual([]);
  });

  test('hls.js and dash.js play every size and change between them', { timeout: 180_000 }, async () => {
    const { hls, dash } = await broadcast('H264');
    await untilWidths(hls, WIDTHS);
    for (const [library, source] of [
      ['hls', hls],
      ['dash', dash],
    ] as const) {
      await until(async () => (await fetch(source)).ok, { what: 'a manifest', timeoutMs: 15_000 });
      const player = await pageAt(pages.url(library, source));
      await playFor(player, 2, 30_000);
      for (const width of [320, 640, 320]) {
        await chooseWidth(player, width);
        await until(async () => (await shownWidth(player)) === width, {
          what: `${width} pixels in ${library}.js`,
          timeoutMs: 30_000,
          seen: async () => `${await shownWidth(player)}`,
        });
        await playFor(player, 2, 20_000);
      }
      expect(await player.evaluate(() => document.body.dataset['errors'])).not.toContain('fatal');
      await player.context().close();
    }
  });
  test.for(['H264', 'VP8'])('a WHEP viewer of %s gets the smaller size while the larger does not come', async (codec) => {
    const { publisher, whep } = await broadcast(codec);
    const viewer = await pageAt(`${server.http}/healthz`);
    expect((await playInPage(viewer, whep)).status).toBe(201);
    await receives(viewer, 640);
    await setActive(publisher, 1, false);
    await receives(viewer, 320);
    await moreFrames(viewer, 20, 15_000);
    await setActive(publisher, 1, true);
    await receives(viewer, 640);
    expect((await receivedBy(viewer)).state).toBe('connected');
  });

  test.for(['H264', 'VP8'])('each of three layers of %s reaches a WHEP viewer while no larger one comes', async (codec) => {
    const { publisher, whep } = await broadcast(codec, { layers: 3, size: { width: 960, height: 540 } });
    const viewer = await pageAt(`${server.http}/healthz`);
    expect((await playInPage(viewer, whep)).status).toBe(201);
    await receives(viewer, 960);
    await setActive(publisher, 2, false);
    await receives(viewer, 480);
    await setActive(publisher, 1, false);
    await receives(viewer, 240);
    await moreFrames(viewer, 20, 15_000);
    await setActive(publisher, 1, true);
    await receives(viewer, 480);
    await setActive(publisher, 2, true);
    await receives(viewer, 960);
    expect((await receivedBy(viewer)).state).toBe('connected');
  });

  test('a WHEP viewer who loses packets gets the smaller size, and no other viewer does', async () => {
    const { whep } = await broadcast('H264');
    await using network = await UdpProxy.before(Number(new URL(server.addresses.get('webrtc') ?? '').port));
    const near = await pageAt(`${server.http}/healthz`);
    const far = await pageAt(`${server.http}/healthz`);
    expect((await playInPage(near, whep)).status).toBe(201);
    expect((await playInPage(far, whep, { port: network.port })).status).toBe(201);
    await receives(far, 640);
    const before = await metric(server, 'whepLowered');
    network.fault = { loss: 0.25 };
    await receives(far, 320);
    network.fault = {};
    await moreFrames(far, 30, 20_000);
    expect((await receivedBy(near)).width).toBe(640);
    expect(await metric(server, 'whepLowered')).toBe(before + 1);
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
