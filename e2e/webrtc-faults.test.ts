/** Bad networks between browsers and the server: what is lost is repaired, and what cannot be is over soon after the fault. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { UdpProxy } from './harness/udp-proxy.ts';
import { moreFrames, playInPage, publishFromPage, receivedBy } from './harness/webrtc-page.ts';

/** From the end of a fault to moving pictures. */
const RECOVERY_MS = 2_000;

describe.skipIf(browserTestsAreOff)('WebRTC over a bad network', () => {
  let browser: Browser;
  let server: RunningServer;

  beforeAll(async () => {
    browser = await openBrowser({ autoplay: 'allowed', fakeCamera: true });
    server = await startServer();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });

  async function blankPage(): Promise<Page> {
    const page = await (await newVisitor(browser)).newPage();
    await page.goto(`${server.http}/healthz`);
    return page;
  }

  /** A publisher and a viewer, either of them behind the proxy. */
  async function stage(through: { readonly publisher?: UdpProxy; readonly viewer?: UdpProxy }): Promise<Page> {
    const owner = await Owner.guest(server.http);
    const made = await owner.create({ title: 'A bad network' });
    const { url, token = '' } = made.ingest.whip;
    expect((await publishFromPage(await blankPage(), { url, token, codec: 'H264', port: through.publisher?.port })).status).toBe(201);
    await owner.untilStatus(made.stream.id, 'live', 15_000);
    const viewer = await blankPage();
    expect((await playInPage(viewer, made.playback.whep, through.viewer?.port)).status).toBe(201);
    await moreFrames(viewer, 30, 15_000);
    return viewer;
  }

  function proxy(): Promise<UdpProxy> {
    return UdpProxy.before(Number(new URL(server.addresses.get('webrtc') ?? '').port));
  }

  async function metric(kind: string): Promise<number> {
    const text = await (await fetch(`${server.http}/metrics`)).text();
    return Number(new RegExp(`^millrace_webrtc_incidents_total\\{kind="${kind}"\\} (\\d+)$`, 'm').exec(text)?.[1]);
  }

  test('packets lost or overtaken on the way to the server are asked for again', async () => {
    await using network = await proxy();
    const viewer = await stage({ publisher: network });
    network.fault = { loss: 0.03, reorder: 0.05 };
    await moreFrames(viewer, 90, 20_000);
    expect(network.lost).toBeGreaterThan(0);
    expect(await metric('whipNacks')).toBeGreaterThan(0);
    network.fault = {};
    await moreFrames(viewer, 20, RECOVERY_MS);
  });

  test('packets lost on the way to a viewer are sent again', async () => {
    await using network = await proxy();
    const viewer = await stage({ viewer: network });
    const before = await metric('whepResent');
    network.fault = { loss: 0.03, reorder: 0.05 };
    await moreFrames(viewer, 90, 20_000);
    expect(await metric('whepResent')).toBeGreaterThan(before);
    network.fault = {};
    await moreFrames(viewer, 20, RECOVERY_MS);
  });

  test('after a blackout of the publisher pictures move again within two seconds', async () => {
    await using network = await proxy();
    const viewer = await stage({ publisher: network });
    network.fault = { loss: 1 };
    await viewer.waitForTimeout(2_000);
    network.fault = {};
    await moreFrames(viewer, 10, RECOVERY_MS);
    expect((await receivedBy(viewer)).state).toBe('connected');
  });
});
