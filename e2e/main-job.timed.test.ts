/** The job Millrace exists for, by hand and eye: an empty folder, a creator, an encoder, a stranger with a code. */
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { browserTestsAreOff, newVisitor, openBrowser, PHONE } from './harness/chromium.ts';
import { TemporaryFolder } from './harness/folder.ts';
import { hearSound, median, playFor, readClock, sampleLatencies } from './harness/page-clock.ts';
import { LOW_LATENCY, publishWithFfmpeg } from './harness/publisher.ts';
import { startServer } from './harness/server.ts';
import { StudioPage } from './harness/studio-page.ts';
import { until } from './harness/until.ts';
import { preferLatency, WatchPage } from './harness/watch-page.ts';

/** From the encoder's start to the picture and figures on the creator's page. */
const SEEN_BUDGET_MS = 3_000;

/** Glass to glass, median. */
const LATENCY_BUDGET_MS = 1_500;

describe.skipIf(browserTestsAreOff)('from an empty data folder', () => {
  let browser: Browser;

  beforeAll(async () => {
    await ensureTool('ffmpeg');
    browser = await openBrowser({ autoplay: 'allowed' });
  });
  afterAll(() => browser?.close());

  test('a creator goes live with ffmpeg, and a stranger who types the code sees it with sound, in time, by keyboard and mouse', { timeout: 150_000 }, async () => {
    using folder = new TemporaryFolder();
    await using server = await startServer({ dataDir: join(folder.path, 'data') });
    const studio = await StudioPage.create(await newVisitor(browser), server.http, 'Sunset over the mill');

    // What the encoder needs, by eye and by copy button; the key stays hidden until asked for.
    const address = await studio.field('Server');
    expect(address).toBe(server.rtmp);
    expect(await studio.field('Stream key')).toMatch(/^•+$/);
    await studio.page.getByRole('button', { name: 'Show the key' }).click();
    const key = await studio.field('Stream key');
    expect(key.length).toBeGreaterThanOrEqual(32);
    expect(await studio.copied('the server')).toBe(address);
    expect(await studio.copied('the stream key')).toBe(key);
    const code = (await studio.copied('the code')).toLowerCase();
    expect(code).toMatch(/^[a-hjkmnp-z2-9]{6}$/);
    expect(await studio.page.getByRole('img', { name: 'QR code of the watch link' }).isVisible()).toBe(true);
    await studio.untilSays(/Waiting for your encoder/, 5_000);

    const startedAt = performance.now();
    await using encoder = publishWithFfmpeg(`${address}/${key}`, { video: LOW_LATENCY, size: '640x360' });
    await readClock(studio.page, { timeoutMs: 10_000 });
    const pictureMs = performance.now() - startedAt;
    await studio.untilSays(/640 × 360/, 10_000);
    await studio.untilSays(/(29|30|31)(\.\d)? fps/, 10_000);
    await studio.untilSays(/\d bit\/s|\d [kM]bit\/s/, 10_000);
    const figuresMs = performance.now() - startedAt;
    await studio.untilSays(/every 1(\.0)? s/, 10_000);
    console.log(`creator's page: picture after ${Math.round(pictureMs)} ms, figures after ${Math.round(figuresMs)} ms`);
    expect(Math.max(pictureMs, figuresMs)).toBeLessThan(SEEN_BUDGET_MS);

    const watch = await WatchPage.typeCode(await preferLatency(await newVisitor(browser), 'low'), server.http, code);
    await watch.untilState('playing', 10_000);
    await hearSound(watch.page);
    expect(await watch.page.getByRole('heading', { name: 'Sunset over the mill' }).isVisible()).toBe(true);
    await studio.untilSays(/Viewers 1\b|\b1 viewer/, 5_000);

    await playFor(watch.page, 5, 20_000);
    const latencies = await sampleLatencies(watch.page, 60);
    console.log(`glass to glass: median ${median(latencies)} ms, from ${latencies[0]} to ${latencies.at(-1)} ms; the page says ${await watch.latencyMs()} ms`);
    expect(median(latencies)).toBeLessThan(LATENCY_BUDGET_MS);
    // What the page tells of its latency is about what the clock shows.
    expect(Math.abs(((await watch.latencyMs()) ?? Number.NaN) - median(latencies))).toBeLessThan(1_000);

    await steerByKeyboard(watch);
    await pauseAndGoToLive(watch);

    // A phone that follows the link sees it too, and counts.
    const phone = await WatchPage.open(await newVisitor(browser, PHONE), await studio.copied('the link'));
    await phone.untilState('playing', 10_000);
    await readClock(phone.page);
    await studio.untilSays(/Viewers 2\b|\b2 viewers/, 5_000);
    await phone.page.context().close();
    await studio.untilSays(/Viewers 1\b|\b1 viewer/, 15_000);

    await studio.page.getByRole('button', { name: 'End broadcast' }).click();
    await studio.page.getByRole('button', { name: 'End it' }).click();
    await watch.untilState('ended', 10_000);
    await until(() => watch.page.getByText(/Ended at \d/).isVisible(), { what: 'the viewer to be told', timeoutMs: 5_000 });
    await until(() => !encoder.running, { what: 'the encoder to be disconnected', timeoutMs: 10_000 });
    await studio.untilSays(/The broadcast ended at/, 5_000);
    expect(studio.complaints.list).toEqual([]);
    expect(watch.complaints.list).toEqual([]);
  });
});

async function steerByKeyboard(watch: WatchPage): Promise<void> {
  const { page, video } = watch;
  const element = () => video.evaluate((media) => (media instanceof HTMLVideoElement ? { muted: media.muted, volume: media.volume, paused: media.paused } : undefined));
  const after = async (key: string, what: string, check: () => Promise<boolean>) => {
    await page.keyboard.press(key);
    await until(check, { what: `${key} to ${what}`, timeoutMs: 5_000, seen: async () => JSON.stringify(await element()) });
  };
  await after('k', 'pause', async () => (await watch.state()) === 'paused');
  await after('Space', 'play', async () => (await watch.state()) === 'playing');
  await after('m', 'mute', async () => (await element())?.muted === true);
  await after('m', 'unmute', async () => (await element())?.muted === false);
  await after('ArrowDown', 'lower the volume', async () => ((await element())?.volume ?? 1) < 1);
  await after('ArrowUp', 'raise the volume', async () => (await element())?.volume === 1);
  await after('t', 'enter theatre', () => page.evaluate(() => document.body.dataset['theatre'] !== undefined));
  await after('t', 'leave theatre', () => page.evaluate(() => document.body.dataset['theatre'] === undefined));
  await after('f', 'fill the screen', () => page.evaluate(() => document.fullscreenElement !== null));
  await after('f', 'leave full screen', () => page.evaluate(() => document.fullscreenElement === null));
}

async function pauseAndGoToLive(watch: WatchPage): Promise<void> {
  const { page } = watch;
  await watch.player.hover();
  await page.getByRole('button', { name: 'Pause' }).click();
  await watch.untilState('paused', 5_000);
  const { paintedMs } = await readClock(page);
  await until(() => Date.now() - paintedMs > 8_000, { what: 'the viewer to fall behind', timeoutMs: 12_000 });
  await page.keyboard.press('k');
  await watch.untilState('playing', 5_000);
  const behind = await readClock(page);
  expect(behind.latencyMs).toBeGreaterThan(5_000);
  await watch.player.hover();
  await page.getByRole('button', { name: /^Go to live/ }).click();
  await until(async () => (await readClock(page)).latencyMs < 3_000, { what: 'the live edge', timeoutMs: 10_000, seen: async () => `${(await readClock(page)).latencyMs} ms` });
  await watch.untilState('playing', 5_000);
}
