/** Sharing a tab from the page that goes live: a viewer sees and hears it, and sees the camera again when it is over. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { DevicePage } from './harness/device-page.ts';
import { hearSound } from './harness/page-clock.ts';
import { startServer } from './harness/server.ts';
import { until } from './harness/until.ts';
import { WatchPage } from './harness/watch-page.ts';

/** What Chromium is told to pick where a person would be asked. */
const TITLE = 'Slides of the talk';

/** A colour that the picture of the test's camera has nowhere. */
const SLIDES = 'rgb(200, 30, 160)';

describe.skipIf(browserTestsAreOff)('from a desk', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await openBrowser({ autoplay: 'allowed', fakeCamera: 'asks', args: [`--auto-select-tab-capture-source-by-title=${TITLE}`] });
  });
  afterAll(() => browser?.close());

  test('a person shares a tab with its sound in mid-broadcast, viewers see and hear it, and see the camera when the tab is gone', { timeout: 120_000 }, async () => {
    await using server = await startServer();
    const context = await newVisitor(browser, undefined, { mayUseCamera: true });
    const slides = await context.newPage();
    await slides.setContent(`<title>${TITLE}</title><body style="margin:0; height:100vh; background:${SLIDES}"><p></p>`);
    await slides.evaluate(playAndChange);
    const device = await DevicePage.open(context, server.http, 'A talk');
    await device.untilPicture(10_000);
    await device.page.getByRole('button', { name: 'Go live' }).click();
    await device.untilState('live', 10_000);
    const watch = await WatchPage.open(await newVisitor(browser), await device.link());
    await watch.untilProtocol('whep', 15_000);
    await watch.untilFrames(30, 10_000);
    expect(await showsSlides(watch.page)).toBe(false);
    const broadcast = await device.broadcastId();

    await device.page.getByRole('button', { name: 'Share a screen or window' }).click();
    await until(() => showsSlides(watch.page), { what: 'the viewer to see the slides', timeoutMs: 15_000 });
    await watch.untilFrames(30, 10_000);
    await hearSound(watch.page);

    await slides.close();
    await device.untilSays(/You stopped sharing the screen. Viewers see your camera./, 10_000);
    await until(async () => !(await showsSlides(watch.page)), { what: 'the viewer to see the camera', timeoutMs: 15_000 });
    await watch.untilFrames(30, 10_000);
    expect(await device.broadcastId()).toBe(broadcast);
    expect(device.complaints.list).toEqual([]);
    expect(watch.complaints.list).toEqual([]);
  });
});

/** Runs in the page: a tone, and a text that changes, since a tab that stands still sends no frames. */
function playAndChange(): void {
  const audio = new AudioContext();
  const tone = new OscillatorNode(audio, { frequency: 440 });
  tone.connect(audio.destination);
  tone.start();
  const text = document.querySelector('p');
  setInterval(() => text?.replaceChildren(String(performance.now())), 40);
}

/** Whether the middle of the video has the colour of the slides, as encoders leave it. */
function showsSlides(page: Page): Promise<boolean> {
  return page.locator('video').evaluate((video) => {
    if (!(video instanceof HTMLVideoElement) || video.videoWidth === 0) return false;
    const pixel = new OffscreenCanvas(1, 1).getContext('2d');
    pixel?.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0] = pixel?.getImageData(0, 0, 1, 1).data ?? [];
    return red > 160 && green < 90 && blue > 110;
  });
}
