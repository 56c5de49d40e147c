/** Our own pages when a network fails them: the broadcast goes on, and viewers keep their page and their player. */
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, type ExpectStatic, test } from 'vitest';
import { browserTestsAreOff, newVisitor, openBrowser, PHONE } from './harness/chromium.ts';
import { DevicePage } from './harness/device-page.ts';
import { PageNetwork } from './harness/page-network.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { preferLatency, WatchPage } from './harness/watch-page.ts';

/** From the end of a fault to moving pictures. */
const RECOVERY_MS = 2_000;

/** Segments reach their viewers so much later than packets do. */
const SEGMENTS_MS = 2_000;

/** Of the fake camera, on a busy machine. */
const FRAME_MS = 50;

describe.skipIf(browserTestsAreOff).concurrent('an outage', () => {
  let browser: Browser;
  let server: RunningServer;

  beforeAll(async () => {
    browser = await openBrowser({ autoplay: 'allowed', fakeCamera: 'asks' });
    server = await startServer();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  function networkOf(context: BrowserContext): Promise<PageNetwork> {
    return PageNetwork.around(context, server.addresses.get('webrtc') ?? '');
  }

  async function goLive(context: BrowserContext): Promise<DevicePage> {
    const device = await DevicePage.open(context, server.http);
    await device.untilPicture(10_000);
    await device.page.getByRole('button', { name: 'Go live' }).click();
    await device.untilState('live', 15_000);
    return device;
  }

  async function watch(device: DevicePage, context: BrowserContext, protocol: 'whep' | 'll-hls'): Promise<WatchPage> {
    const page = await WatchPage.open(context, await device.link());
    await page.untilProtocol(protocol, 15_000);
    await page.untilState('playing', 15_000);
    await page.untilFrames(30, 15_000);
    await page.page.evaluate(() => document.body.setAttribute('data-same-page', ''));
    return page;
  }

  async function expectSamePage(expect: ExpectStatic, { page, complaints }: WatchPage): Promise<void> {
    expect(await page.locator('body[data-same-page]').count()).toBe(1);
    expect(complaints.list).toEqual([]);
  }

  /** A publisher behind a bad network, a viewer in real time and one of segments, who leave with `scope`. */
  async function stage(expect: ExpectStatic, scope: AsyncDisposableStack) {
    const context = scope.use(await newVisitor(browser, PHONE, { mayUseCamera: true }));
    const network = scope.use(await networkOf(context));
    const device = await goLive(context);
    const realTime = await watch(device, scope.use(await newVisitor(browser)), 'whep');
    const segments = await watch(device, await preferLatency(scope.use(await newVisitor(browser)), 'low'), 'll-hls');
    const broadcast = await device.broadcastId();
    const expectTheSame = async () => {
      expect(await device.broadcastId()).toBe(broadcast);
      expect(await realTime.protocol()).toBe('whep');
      await expectSamePage(expect, realTime);
      await expectSamePage(expect, segments);
    };
    return { network, device, realTime, segments, expectTheSame };
  }

  test('a router gives the publisher another address', async ({ expect }) => {
    await using scope = new AsyncDisposableStack();
    const { network, device, realTime, segments, expectTheSame } = await stage(expect, scope);
    network.udp.rebind();
    await Promise.all([realTime.untilFrames(6, RECOVERY_MS), segments.untilFrames(90, 90 * FRAME_MS + RECOVERY_MS + SEGMENTS_MS)]);
    await device.untilState('live', 1_000);
    await expectTheSame();
  });

  test('a router gives a viewer another address', async ({ expect }) => {
    await using scope = new AsyncDisposableStack();
    const device = await goLive(scope.use(await newVisitor(browser, PHONE, { mayUseCamera: true })));
    const context = scope.use(await newVisitor(browser));
    const network = scope.use(await networkOf(context));
    const [moved, beside] = [await watch(device, context, 'whep'), await watch(device, scope.use(await newVisitor(browser)), 'whep')];
    network.udp.rebind();
    await Promise.all([moved.untilFrames(6, RECOVERY_MS), beside.untilFrames(6, 1_000)]);
    expect(await moved.protocol()).toBe('whep');
    await expectSamePage(expect, moved);
    await expectSamePage(expect, beside);
  });

  test('5 s without the publisher', async ({ expect }) => {
    await using scope = new AsyncDisposableStack();
    const { network, device, realTime, segments, expectTheSame } = await stage(expect, scope);
    network.fault = { loss: 1 };
    await realTime.page.waitForTimeout(5_000);
    network.fault = {};
    await Promise.all([realTime.untilFrames(10, RECOVERY_MS), segments.untilFrames(10, RECOVERY_MS + SEGMENTS_MS)]);
    await device.untilState('live', 5_000);
    await expectTheSame();
  });

  test('20 s without the publisher, whose whole network is gone', async ({ expect }) => {
    await using scope = new AsyncDisposableStack();
    const { network, device, realTime, segments, expectTheSame } = await stage(expect, scope);
    await network.cut();
    await device.untilState('reconnecting', 10_000);
    await realTime.untilState('reconnecting', 20_000);
    await realTime.page.waitForTimeout(5_000);
    await network.mend();
    await Promise.all([realTime.untilFrames(10, RECOVERY_MS), segments.untilFrames(10, RECOVERY_MS + SEGMENTS_MS)]);
    await device.untilState('live', 5_000);
    await expectTheSame();
  });
});
