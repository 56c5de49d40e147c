/** Our own pages when a network fails them: the broadcast goes on, and viewers keep their page and their player. */
import type { BrowserContext } from 'playwright-core';
import { test } from 'vitest';
import { browserTestsAreOff, newVisitor, openBrowser, PHONE } from './harness/chromium.ts';
import { DevicePage } from './harness/device-page.ts';
import { PageNetwork } from './harness/page-network.ts';
import { startServer } from './harness/server.ts';
import { preferLatency, WatchPage } from './harness/watch-page.ts';

/** From the end of a fault to moving pictures. */
const RECOVERY_MS = 2_000;

/** Segments reach their viewers so much later than packets do. */
const SEGMENTS_MS = 2_000;

const SHORT_OUTAGE_MS = 5_000;
const LONG_OUTAGE_MS = 20_000;

/** Of the fake camera, on a busy machine. */
const FRAME_MS = 50;

test.skipIf(browserTestsAreOff)('a broadcast outlives new addresses, 5 s and 20 s without its publisher: the same broadcast, page and player', async ({ expect }) => {
  await using scope = new AsyncDisposableStack();
  const browser = await openBrowser({ autoplay: 'allowed', fakeCamera: 'asks' });
  scope.defer(() => browser.close());
  const server = scope.use(await startServer());
  const visitor = async () => scope.use(await newVisitor(browser));
  const networkOf = async (context: BrowserContext) => scope.use(await PageNetwork.around(context, server));

  const phone = scope.use(await newVisitor(browser, PHONE, { mayUseCamera: true }));
  const network = await networkOf(phone);
  const device = await goLive(phone, network.http);
  const link = (await device.link()).replace(network.http, server.http);
  const roaming = await visitor();
  const viewersNetwork = await networkOf(roaming);
  const [realTime, segments] = await Promise.all([watch(link, roaming, 'whep'), watch(link, await preferLatency(await visitor(), 'low'), 'll-hls')]);
  const watching = new Set([realTime, segments]);
  const broadcast = await device.broadcastId();
  const expectTheSame = async ({ liveWithinMs }: { readonly liveWithinMs: number }) => {
    await device.untilState('live', liveWithinMs);
    expect(await device.broadcastId()).toBe(broadcast);
    expect(await realTime.protocol()).toBe('whep');
    for (const { page, complaints } of watching) {
      expect(await page.locator('body[data-same-page]').count()).toBe(1);
      expect(complaints.list).toEqual([]);
    }
  };

  // A router gives the publisher another address.
  network.udp.rebind();
  await Promise.all([realTime.untilFrames(6, RECOVERY_MS), segments.untilFrames(90, 90 * FRAME_MS + RECOVERY_MS + SEGMENTS_MS)]);
  await expectTheSame({ liveWithinMs: 1_000 });

  // A router gives a viewer another address: nobody else notices.
  const beside = await watch(link, await visitor(), 'whep');
  watching.add(beside);
  viewersNetwork.udp.rebind();
  await Promise.all([realTime.untilFrames(6, RECOVERY_MS), beside.untilFrames(6, 1_000)]);
  await expectTheSame({ liveWithinMs: 1_000 });
  expect(await beside.protocol()).toBe('whep');
  watching.delete(beside);
  await beside.page.close();

  // The publisher's packets are lost.
  network.fault = { loss: 1 };
  await realTime.page.waitForTimeout(SHORT_OUTAGE_MS);
  network.fault = {};
  await Promise.all([realTime.untilFrames(10, RECOVERY_MS), segments.untilFrames(10, RECOVERY_MS + SEGMENTS_MS)]);
  await expectTheSame({ liveWithinMs: 5_000 });

  // The whole network of the publisher is gone, and the browser knows.
  const cutAtMs = performance.now();
  await network.cut();
  await device.untilState('reconnecting', 10_000);
  await realTime.untilState('reconnecting', 20_000);
  await realTime.page.waitForTimeout(cutAtMs + LONG_OUTAGE_MS - performance.now());
  await network.mend();
  await Promise.all([realTime.untilFrames(10, RECOVERY_MS), segments.untilFrames(10, RECOVERY_MS + SEGMENTS_MS)]);
  await expectTheSame({ liveWithinMs: 5_000 });
});

async function goLive(context: BrowserContext, http: string): Promise<DevicePage> {
  const device = await DevicePage.open(context, http);
  await device.untilPicture(10_000);
  await device.page.getByRole('button', { name: 'Go live' }).click();
  await device.untilState('live', 15_000);
  return device;
}

async function watch(link: string, context: BrowserContext, protocol: 'whep' | 'll-hls'): Promise<WatchPage> {
  const page = await WatchPage.open(context, link);
  await page.untilProtocol(protocol, 15_000);
  await page.untilState('playing', 15_000);
  await page.untilFrames(30, 15_000);
  await page.page.evaluate(() => document.body.setAttribute('data-same-page', ''));
  return page;
}
