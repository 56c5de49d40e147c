/** Near the live edge in hls.js: a minute without a stall, and many viewers in step. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { median, playFor, readClock } from './harness/page-clock.ts';
import { PlayerPages } from './harness/player-pages.ts';
import { followPlaylist, renditionsOf } from './harness/playlist-follower.ts';
import { LIGHT, publishWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { until } from './harness/until.ts';

const PLAYED_SECONDS = 60;

const VIEWERS = 20;

/** How many of them are pages in Chromium, which decode: what two cores hold without stalls. Twenty of 128 × 72 were tried: they are seconds apart. */
const PAGES = 3;

/** Viewers who laugh at the same moment: what a person in the next room would not notice. */
const STEP_MS = 500;

let server: RunningServer;
let owner: Owner;
let pages: PlayerPages;
let browser: Browser;
const scope = new AsyncDisposableStack();

describe.skipIf(browserTestsAreOff)('at the live edge', () => {
  beforeAll(async () => {
    await ensureTool('ffmpeg');
    server = scope.use(await startServer());
    owner = await Owner.guest(server.http);
    pages = scope.use(await PlayerPages.open());
    browser = await openBrowser({ autoplay: 'allowed' });
    scope.defer(() => browser.close());
  });
  afterAll(() => scope.disposeAsync());

  test(`hls.js plays for ${PLAYED_SECONDS} s without a stall, while ${VIEWERS} viewers come and see the same moment`, { timeout: 240_000 }, async () => {
    // A small picture: it is the viewers who are many here, and all of them decode on this machine.
    const { stream, streamKey, playback } = await owner.create({ title: 'Watched by many' });
    await using _encoder = publishWithFfmpeg(`${server.rtmp}/${streamKey}`, { video: [...LIGHT, '-g', '15'], fps: '15' });
    await owner.untilStatus(stream.id, 'live', 15_000);
    const stays = await openViewer(playback.hls);
    await readClock(stays);
    const began = performance.now();
    await seeTheSame(stays, playback.hls);
    await playFor(stays, PLAYED_SECONDS - (performance.now() - began) / 1000, 1.25 * PLAYED_SECONDS * 1000);
    const { latencyMs } = await readClock(stays);
    const said = await stays.evaluate(() => ({ ...document.body.dataset }));
    console.log(`hls.js after ${PLAYED_SECONDS} s: ${latencyMs} ms behind, first frame after ${said['firstFrameMs']} ms`);
    expect(said).toMatchObject({ errors: '', stalls: '0', lowLatency: 'yes' });
    expect(latencyMs).toBeLessThan(3_000);
  });
});

/** Shows that one viewer, and others who come for as long as this takes, are at the same place. */
async function seeTheSame(stays: Page, hls: string): Promise<void> {
  const [video = ''] = await renditionsOf(hls);
  // Most of them only follow the playlist: each update is to reach all of them together.
  const arrivals = new Map<string, number[]>();
  const stop = new AbortController();
  const readers = Array.from({ length: VIEWERS - PAGES }, () =>
    followPlaylist(video, {
      signal: stop.signal,
      see: (text) => {
        const newest = [...text.matchAll(/#EXT-X-PART:.*URI="([^"]+)"/g)].at(-1)?.[1] ?? '';
        arrivals.set(newest, [...(arrivals.get(newest) ?? []), performance.now()]);
      },
    }),
  );
  const others = await Promise.all(Array.from({ length: PAGES - 1 }, () => openViewer(hls)));
  const behind = () => Promise.all([stays, ...others].map((viewer) => viewer.evaluate(() => document.body.dataset['behindMs'] || undefined)));
  let seen: number[] = [];
  // Those who came late catch up a tenth faster than life.
  await until(
    async () => {
      seen = (await behind()).filter((text) => text !== undefined).map(Number);
      return seen.length === PAGES && spreadOf(seen) < STEP_MS;
    },
    { what: `${PAGES} pages within ${STEP_MS} ms`, timeoutMs: 60_000, everyMs: 200, seen: () => `${seen.length} pages within ${spreadOf(seen)} ms` },
  );
  const spreads = () =>
    [...arrivals.values()]
      .filter((times) => times.length >= readers.length)
      .map(spreadOf)
      .sort((a, b) => a - b);
  await until(() => spreads().length > 20, { what: 'twenty updates that reached all readers', timeoutMs: 20_000 });
  stop.abort();
  await Promise.all(readers);
  console.log(`${PAGES} pages within ${Math.round(spreadOf(seen))} ms, ${Math.min(...seen)} ms behind; ${readers.length} readers within ${Math.round(median(spreads()))} ms`);
  expect(median(spreads())).toBeLessThan(STEP_MS / 5);
  await Promise.all(others.map((other) => other.context().close()));
}

/** In a browser of their own each: in one, they would share its six connections to a host, which blocking reloads fill. */
async function openViewer(hls: string): Promise<Page> {
  const page = await (await newVisitor(browser, { width: 640, height: 400 })).newPage();
  await page.goto(pages.url('hls', hls));
  return page;
}

function spreadOf(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}
