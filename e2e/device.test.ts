/** Going live from a browser and watching in another, whatever comes between. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { browserTestsAreOff, INSECURE_NAME, newVisitor, openBrowser, PHONE } from './harness/chromium.ts';
import { DevicePage } from './harness/device-page.ts';
import { freePort } from './harness/free-port.ts';
import { hearSound } from './harness/page-clock.ts';
import { PageNetwork } from './harness/page-network.ts';
import { DataFolder, type RunningServer, startServer } from './harness/server.ts';
import { until } from './harness/until.ts';
import { WatchPage } from './harness/watch-page.ts';

/** From the tap to live. */
const LIVE_BUDGET_MS = 5_000;

/** What Chromium is told to pick where a person would be asked. */
const TITLE = 'Slides of the talk';

/** A colour that the picture of the test's camera has nowhere. */
const SLIDES = 'rgb(200, 30, 160)';

/** A person who is live, and somebody who watches. */
interface Stage {
  readonly device: DevicePage;
  readonly link: string;
  readonly broadcast: string;
  watch: WatchPage;
}

describe.skipIf(browserTestsAreOff)('from this device', () => {
  const scope = new AsyncDisposableStack();
  let serverOptions: Parameters<typeof startServer>[0];
  let server: RunningServer;
  let browser: Browser;
  let stage: Stage | undefined;

  beforeAll(async () => {
    const { data: dataDir } = scope.use(new DataFolder());
    // Without the relay, so that packets that do not come through have no other way.
    serverOptions = { dataDir, env: { PORT: String(await freePort()), TURN_PORT: 'off', TURNS_PORT: 'off' } };
    server = await startServer(serverOptions);
    scope.defer(() => server[Symbol.asyncDispose]());
    // As strict about sound as on a first visit; pictures start by themselves in it as in any.
    browser = await openBrowser({ autoplay: 'needs-gesture', fakeCamera: 'asks', args: [`--auto-select-tab-capture-source-by-title=${TITLE}`] });
    scope.defer(() => browser.close());
  });
  afterAll(() => scope.disposeAsync());
  // What a failure left is no stage for another test.
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    stage = undefined;
    for (const context of browser.contexts()) await context.close();
  });

  /** One broadcast and one page that watches it, for all tests. */
  async function live(): Promise<Stage> {
    stage ??= await goLive();
    return stage;
  }

  async function goLive(): Promise<Stage> {
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
    return { device, link, broadcast: await device.broadcastId(), watch };
  }

  /** What neither page should have said. */
  function expectNoComplaints({ device, watch }: Stage): void {
    expect(device.complaints.list).toEqual([]);
    expect(watch.complaints.list).toEqual([]);
  }

  test('a person goes live with the camera, a viewer sees it in real time, and the person chooses a quality', { timeout: 90_000 }, async () => {
    const { device, watch } = await live();
    await device.page
      .getByRole('button', { name: 'Good' })
      .or(device.page.getByRole('button', { name: 'Fair' }))
      .click();
    await device.untilSays(/Round trip \d/, 5_000);
    await device.page.keyboard.press('Escape');
    // What nobody chose goes up to 720p, which takes a core to encode: the other tests are content with less.
    await device.page.getByRole('button', { name: 'Quality and devices' }).click();
    await device.page.getByLabel('Quality', { exact: true }).selectOption('360p');
    await device.page.keyboard.press('Escape');
    await until(() => watch.video.evaluate((video) => video instanceof HTMLVideoElement && video.videoHeight <= 360), { what: 'the chosen quality', timeoutMs: 10_000 });
    await watch.untilFrames(10, 10_000);
    expectNoComplaints(await live());
  });

  test('a browser that wants a tap before sound shows real time without it, and gives the sound with the tap', { timeout: 60_000 }, async () => {
    const { device, link } = await live();
    const listener = await WatchPage.open(await newVisitor(browser, PHONE), link);
    await listener.untilPlayingUntouched(15_000);
    expect(await listener.askUntouched(`document.querySelector('[data-state]').dataset.protocol`)).toBe('whep');
    expect(await listener.askUntouched(`document.querySelector('video').muted`)).toBe(true);
    await listener.page.getByRole('button', { name: 'Tap for sound' }).tap();
    await hearSound(listener.page);
    await device.untilSays(/2 viewers\b/, 5_000);
    expect(listener.complaints.list).toEqual([]);
    await listener.page.context().close();
    await device.untilSays(/1 viewer\b/, 5_000);
  });

  test('where real time does not come through, segments begin by themselves and the page says so', { timeout: 60_000 }, async () => {
    const { link } = await live();
    await using context = await newVisitor(browser, PHONE);
    await using network = await PageNetwork.around(context, server);
    network.fault = { loss: 1 };
    const watch = await WatchPage.open(context, link);
    await watch.untilProtocol('ll-hls', 8_000);
    await watch.untilState('playing', 8_000);
    await watch.page.getByText('Real time does not come through here.').first().waitFor();
    await watch.untilFrames(30, 10_000);
    expect(network.udp.lost).toBeGreaterThan(0);
    expect(watch.complaints.list).toEqual([]);
  });

  test('a viewer changes the latency and back, the choice is remembered, and what was chosen is used', { timeout: 90_000 }, async () => {
    const { device, watch: first, link } = await live();
    await chooseLatency(first, 'Low, a second or two behind');
    await first.untilProtocol('ll-hls', 5_000);
    await first.untilState('playing', 10_000);
    await first.untilFrames(30, 10_000);
    await chooseLatency(first, 'Real time');
    await first.untilProtocol('whep', 5_000);
    await first.untilFrames(30, 10_000);
    await chooseLatency(first, 'Stable, some seconds behind');
    await first.untilProtocol('ll-hls', 5_000);
    expect(first.complaints.list).toEqual([]);
    await first.page.close();
    // There have to be some seconds to be behind.
    await device.untilSays(/\b(0:(1[2-9]|[2-5]\d)|[1-9]:\d\d)\b/, 20_000);
    const again = await WatchPage.open(first.page.context(), link);
    if (stage) stage.watch = again;
    await again.untilProtocol('ll-hls', 10_000);
    await again.untilState('playing', 15_000);
    await until(async () => ((await again.latencyMs()) ?? 0) > 3_000, { what: 'some seconds of delay', timeoutMs: 20_000, seen: async () => String(await again.latencyMs()) });
    await chooseLatency(again, 'Real time');
    await again.untilProtocol('whep', 5_000);
  });

  test('publisher and viewer outlast a reload of the publisher', { timeout: 60_000 }, async () => {
    const { device, watch, broadcast } = await live();
    await watch.page.evaluate(() => document.body.setAttribute('data-same-page', ''));
    await device.page.reload();
    await device.untilState('live', 20_000);
    await device.untilSays(/The page was loaded again. The same broadcast goes on./, 5_000);
    expect(await device.broadcastId()).toBe(broadcast);
    await watch.untilState('playing', 15_000);
    await watch.untilFrames(30, 15_000);
    expect(await watch.page.locator('body[data-same-page]').count()).toBe(1);
    expectNoComplaints(await live());
  });

  test('when the device takes the camera away, a fresh one goes on in the same broadcast', { timeout: 60_000 }, async () => {
    const { device, watch, broadcast } = await live();
    // As a phone call does it: the track is dead, and the browser says so.
    await device.page.locator('video').evaluate((element) => {
      const [track] = element instanceof HTMLVideoElement && element.srcObject instanceof MediaStream ? element.srcObject.getVideoTracks() : [];
      track?.stop();
      track?.dispatchEvent(new Event('ended'));
    });
    await device.untilSays(/Camera and microphone were taken away for a moment/, 10_000);
    await watch.untilFrames(40, 15_000);
    expect(await device.broadcastId()).toBe(broadcast);
    expectNoComplaints(await live());
  });

  test('publisher and viewer outlast a crash of the server', { timeout: 90_000 }, async () => {
    const { device, watch, broadcast } = await live();
    await watch.untilProtocol('whep', 15_000);
    await server.kill();
    try {
      await device.untilState('reconnecting', 20_000);
    } finally {
      server = await startServer(serverOptions);
    }
    await device.untilState('live', 20_000);
    await device.untilSays(/The connection is back. The same broadcast goes on./, 5_000);
    expect(await device.broadcastId()).toBe(broadcast);
    await watch.untilState('playing', 20_000);
    await watch.untilFrames(30, 20_000);
    // Browsers themselves complain about a server that is gone.
    for (const { complaints } of [device, watch]) complaints.list.splice(0);
  });

  test('a person ends it, and the viewer is told', { timeout: 60_000 }, async () => {
    const { device, watch } = await live();
    await device.page.getByRole('button', { name: 'End', exact: true }).click();
    await device.page.getByRole('button', { name: 'End it' }).click();
    await device.untilState('ended', 10_000);
    await watch.untilState('ended', 10_000);
    expectNoComplaints(await live());
    for (const { page } of [device, watch]) await page.context().close();
  });

  test('who refuses the camera is told what to do, and who opens the page without encryption is led to the secure way', { timeout: 60_000 }, async () => {
    await using context = await newVisitor(browser, PHONE);
    const refused = await DevicePage.open(context, server.http);
    await refused.untilSays(/The browser may not use the camera.*Allow camera and microphone/s, 10_000);
    expect(await refused.page.getByRole('button', { name: 'Go live' }).isDisabled()).toBe(true);
    expect(await refused.page.getByRole('button', { name: 'Try again' }).isVisible()).toBe(true);
    expect(refused.complaints.list).toEqual([]);
    await refused.page.close();
    const insecure = await DevicePage.open(context, server.http.replace('127.0.0.1', INSECURE_NAME));
    await insecure.untilSays(/Browsers give the camera to secure pages only/, 10_000);
    expect(await insecure.page.getByRole('link', { name: 'How to open it securely' }).getAttribute('href')).toBe('/trust');
  });

  test('at a desk a person shares a tab with its sound in mid-broadcast, viewers see and hear it, and see the camera when the tab is gone', { timeout: 120_000 }, async () => {
    const context = await newVisitor(browser, undefined, { mayUseCamera: true });
    const slides = await context.newPage();
    await slides.setContent(`<title>${TITLE}</title><body style="margin:0; height:100vh; background:${SLIDES}"><p></p>`);
    await slides.evaluate(playAndChange);
    const device = await DevicePage.open(context, server.http, 'A talk');
    await device.untilPicture(10_000);
    await device.page.getByRole('button', { name: 'Go live' }).click();
    await device.untilState('live', 10_000);
    const watch = await WatchPage.open(await newVisitor(browser), await device.link());
    await watch.untilPlayingUntouched(15_000);
    await watch.page.getByRole('button', { name: 'Tap for sound' }).click();
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
