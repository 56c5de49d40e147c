import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { browserTestsAreOff, INSECURE_NAME, newVisitor, openBrowser, PHONE } from './harness/chromium.ts';
import { DevicePage } from './harness/device-page.ts';
import { freePort } from './harness/free-port.ts';
import { hearSound } from './harness/page-clock.ts';
import { DataFolder, type RunningServer, startServer } from './harness/server.ts';
import { until } from './harness/until.ts';
import { WatchPage } from './harness/watch-page.ts';

/** From the tap to live. */
const LIVE_BUDGET_MS = 5_000;

describe.skipIf(browserTestsAreOff)('from this device', () => {
  let server: RunningServer;
  let browser: Browser;
  const scope = new AsyncDisposableStack();

  beforeAll(async () => {
    server = scope.use(await startServer());
    browser = await openBrowser({ autoplay: 'allowed', fakeCamera: 'asks' });
    scope.defer(() => browser.close());
  });
  afterAll(() => scope.disposeAsync());
  // Who published or watched in one test does not take the processor from the next.
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });

  test('a person goes live with the camera, a viewer sees and hears it in real time, changes the latency, and both outlast a reload of the publisher', {
    timeout: 120_000,
  }, async () => {
    const device = await DevicePage.open(await newVisitor(browser, PHONE, { mayUseCamera: true }), server.http, 'From the bridge', 'auto');
    await device.untilPicture(10_000);
    const tapped = performance.now();
    await device.page.getByRole('button', { name: 'Go live' }).click();
    await device.untilState('live', LIVE_BUDGET_MS);
    console.log(`live ${Math.round(performance.now() - tapped)} ms after the tap`);
    const link = await linkOf(device);

    const watch = await WatchPage.open(await newVisitor(browser), link);
    await watch.untilState('playing', 15_000);
    await watch.untilProtocol('whep', 15_000);
    await watch.untilFrames(30, 10_000);
    // In a page of its own: an element that was listened to keeps its source from then on.
    const listener = await WatchPage.open(await newVisitor(browser, PHONE), link);
    await listener.untilProtocol('whep', 15_000);
    await hearSound(listener.page);
    await listener.page.context().close();
    await device.untilSays(/1 viewer\b/, 5_000);
    await watch.page.evaluate(() => document.body.setAttribute('data-same-page', ''));

    await chooseLatency(watch, 'Low, a second or two behind');
    await watch.untilProtocol('ll-hls', 5_000);
    await watch.untilState('playing', 10_000);
    await watch.untilFrames(30, 10_000);
    await chooseLatency(watch, 'Real time');
    await watch.untilProtocol('whep', 5_000);
    await watch.untilFrames(30, 10_000);

    await device.page
      .getByRole('button', { name: 'Good' })
      .or(device.page.getByRole('button', { name: 'Fair' }))
      .click();
    await device.untilSays(/Round trip \d/, 5_000);
    await device.page.keyboard.press('Escape');

    const broadcast = await device.broadcastId();
    await device.page.reload();
    await device.untilState('live', 20_000);
    await device.untilSays(/The page was loaded again. The same broadcast goes on./, 5_000);
    expect(await device.broadcastId()).toBe(broadcast);
    await watch.untilState('playing', 15_000);
    await watch.untilFrames(30, 15_000);
    expect(await watch.page.locator('body[data-same-page]').count()).toBe(1);

    await device.page.getByRole('button', { name: 'End', exact: true }).click();
    await device.page.getByRole('button', { name: 'End it' }).click();
    await device.untilState('ended', 10_000);
    await watch.untilState('ended', 10_000);
    expect(device.complaints.list).toEqual([]);
    expect(watch.complaints.list).toEqual([]);
  });

  test('a browser that wants a tap before sound shows real time without it, and gives the sound with the tap', { timeout: 60_000 }, async () => {
    const device = await DevicePage.open(await newVisitor(browser, PHONE, { mayUseCamera: true }), server.http);
    await device.untilPicture(10_000);
    await device.page.getByRole('button', { name: 'Go live' }).click();
    await device.untilState('live', 10_000);
    const strict = await openBrowser({ autoplay: 'needs-gesture' });
    try {
      const watch = await WatchPage.open(await newVisitor(strict, PHONE), await linkOf(device));
      await watch.untilPlayingUntouched(15_000);
      expect(await watch.askUntouched(`document.querySelector('[data-state]').dataset.protocol`)).toBe('whep');
      expect(await watch.askUntouched(`document.querySelector('video').muted`)).toBe(true);
      await watch.page.getByRole('button', { name: 'Tap for sound' }).tap();
      await hearSound(watch.page);
      expect(watch.complaints.list).toEqual([]);
    } finally {
      await strict.close();
    }
  });

  test('where real time does not come through, segments begin by themselves and the page says so', { timeout: 60_000 }, async () => {
    await using relayless = await startServer({ env: { TURN_PORT: 'off', TURNS_PORT: 'off' } });
    const device = await DevicePage.open(await newVisitor(browser, PHONE, { mayUseCamera: true }), relayless.http);
    await device.untilPicture(10_000);
    await device.page.getByRole('button', { name: 'Go live' }).click();
    await device.untilState('live', 10_000);
    const closed = await openBrowser({ autoplay: 'allowed', noUdp: true });
    try {
      const watch = await WatchPage.open(await newVisitor(closed), await linkOf(device));
      await watch.untilProtocol('ll-hls', 8_000);
      await watch.untilState('playing', 8_000);
      await watch.page.getByText('Real time does not come through here.').first().waitFor();
      await watch.untilFrames(30, 10_000);
      expect(watch.complaints.list).toEqual([]);
    } finally {
      await closed.close();
    }
  });

  test('publisher and viewer outlast a crash of the server', { timeout: 90_000 }, async () => {
    using folder = new DataFolder();
    const options = { dataDir: folder.data, env: { PORT: String(await freePort()) } };
    const before = await startServer(options);
    const device = await DevicePage.open(await newVisitor(browser, PHONE, { mayUseCamera: true }), before.http);
    await device.untilPicture(10_000);
    await device.page.getByRole('button', { name: 'Go live' }).click();
    await device.untilState('live', 10_000);
    const watch = await WatchPage.open(await newVisitor(browser), await linkOf(device));
    await watch.untilProtocol('whep', 15_000);
    const broadcast = await device.broadcastId();
    await before.kill();
    await device.untilState('reconnecting', 20_000);
    await using _after = await startServer(options);
    await device.untilState('live', 20_000);
    await device.untilSays(/The connection is back. The same broadcast goes on./, 5_000);
    expect(await device.broadcastId()).toBe(broadcast);
    await watch.untilState('playing', 20_000);
    await watch.untilFrames(30, 20_000);
  });

  test('who refuses the camera is told what to do', { timeout: 30_000 }, async () => {
    const device = await DevicePage.open(await newVisitor(browser, PHONE), server.http);
    await device.untilSays(/The browser may not use the camera.*Allow camera and microphone/s, 10_000);
    expect(await device.page.getByRole('button', { name: 'Go live' }).isDisabled()).toBe(true);
    expect(await device.page.getByRole('button', { name: 'Try again' }).isVisible()).toBe(true);
    expect(device.complaints.list).toEqual([]);
  });

  test('who opens the page without encryption is led to the secure way', { timeout: 30_000 }, async () => {
    const device = await DevicePage.open(await newVisitor(browser, PHONE, { mayUseCamera: true }), server.http.replace('127.0.0.1', INSECURE_NAME));
    await device.untilSays(/Browsers give the camera to secure pages only/, 10_000);
    expect(await device.page.getByRole('link', { name: 'How to open it securely' }).getAttribute('href')).toBe('/trust');
  });

  test('when the device takes the camera away, a fresh one goes on in the same broadcast', { timeout: 60_000 }, async () => {
    const device = await DevicePage.open(await newVisitor(browser, PHONE, { mayUseCamera: true }), server.http);
    await device.untilPicture(10_000);
    await device.page.getByRole('button', { name: 'Go live' }).click();
    await device.untilState('live', 10_000);
    const watch = await WatchPage.open(await newVisitor(browser), await linkOf(device));
    await watch.untilProtocol('whep', 15_000);
    const broadcast = await device.broadcastId();
    // As a phone call does it: the track is dead, and the browser says so.
    await device.page.locator('video').evaluate((element) => {
      const [track] = element instanceof HTMLVideoElement && element.srcObject instanceof MediaStream ? element.srcObject.getVideoTracks() : [];
      track?.stop();
      track?.dispatchEvent(new Event('ended'));
    });
    await device.untilSays(/Camera and microphone were taken away for a moment/, 10_000);
    await watch.untilFrames(40, 15_000);
    expect(await device.broadcastId()).toBe(broadcast);
    expect(device.complaints.list).toEqual([]);
    expect(watch.complaints.list).toEqual([]);
  });

  test('the choice of latency is remembered, and what was chosen is used', { timeout: 60_000 }, async () => {
    const device = await DevicePage.open(await newVisitor(browser, PHONE, { mayUseCamera: true }), server.http);
    await device.untilPicture(10_000);
    await device.page.getByRole('button', { name: 'Go live' }).click();
    await device.untilState('live', 10_000);
    const context = await newVisitor(browser);
    const first = await WatchPage.open(context, await linkOf(device));
    await first.untilProtocol('whep', 15_000);
    await chooseLatency(first, 'Stable, some seconds behind');
    await first.untilProtocol('ll-hls', 5_000);
    await first.page.close();
    // There have to be some seconds to be behind.
    await device.untilSays(/\b0:(1[2-9]|[2-5]\d)\b/, 20_000);
    const again = await WatchPage.open(context, await linkOf(device));
    await again.untilProtocol('ll-hls', 10_000);
    await again.untilState('playing', 15_000);
    await until(async () => ((await again.latencyMs()) ?? 0) > 3_000, { what: 'some seconds of delay', timeoutMs: 20_000, seen: async () => String(await again.latencyMs()) });
  });
});

async function chooseLatency(watch: WatchPage, name: string): Promise<void> {
  await watch.player.hover();
  await watch.page.getByRole('button', { name: 'Latency and quality' }).click();
  await watch.page.getByRole('radio', { name }).check();
  await watch.page.keyboard.press('Escape');
}

/** The link as the person shares it. */
async function linkOf(device: DevicePage): Promise<string> {
  await device.page.getByRole('button', { name: 'Share', exact: true }).click();
  await device.page.getByRole('button', { name: 'Copy the link' }).click();
  const link = await device.page.evaluate(() => navigator.clipboard.readText());
  await device.page.keyboard.press('Escape');
  await device.page.getByText('Scan to watch').waitFor({ state: 'hidden' });
  return link;
}
