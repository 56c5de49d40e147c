/** Bad networks between browsers and the server: what is lost is repaired, and what cannot be is over soon after the fault. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff, newVisitor, openBrowser, PHONE } from './harness/chromium.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { UdpProxy } from './harness/udp-proxy.ts';
import { until } from './harness/until.ts';
import { preferLatency, WatchPage } from './harness/watch-page.ts';
import { moreFrames, openBlankPage, type PublishOptions, playInPage, publishFromPage, receivedBy, restartInPage, sentBy, whipOf } from './harness/webrtc-page.ts';

/** From the end of a fault to moving pictures. */
const RECOVERY_MS = 2_000;

/** Segments reach their viewers so much later than packets do. */
const SEGMENTS_MS = 2_000;

/** Bits a second, less than the picture of the tests takes when it may. */
const NARROW = 250_000;

/** Some hundred packets a second. */
const LARGE = { width: 640, height: 480 };

/** Of the frames that a viewer with a good network decodes. */
const NEARLY_ALL = 0.85;

describe.skipIf(browserTestsAreOff).concurrent('WebRTC over a bad network', () => {
  let browser: Browser;
  let server: RunningServer;

  beforeAll(async () => {
    [browser, server] = await Promise.all([openBrowser({ autoplay: 'allowed', fakeCamera: true, args: ['--use-fake-device-for-media-stream=fps=30'] }), startServer()]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  /** Closed with `scope`. */
  async function blankPage(scope: AsyncDisposableStack): Promise<Page> {
    const page = await openBlankPage(browser, server.http);
    scope.use(page.context());
    return page;
  }

  function proxy(): Promise<UdpProxy> {
    return UdpProxy.before(Number(new URL(server.addresses.get('webrtc') ?? '').port));
  }

  async function viewerOf(scope: AsyncDisposableStack, whep: string, port?: number) {
    const page = await blankPage(scope);
    const played = await playInPage(page, whep, { port });
    expect(played.status, played.body).toBe(201);
    await moreFrames(page, 30, 15_000);
    return { page, played };
  }

  /** A publisher and a viewer, each behind a network of their own. */
  async function stage(scope: AsyncDisposableStack, size?: PublishOptions['size']) {
    const [network, downlink] = [scope.use(await proxy()), scope.use(await proxy())];
    const owner = await Owner.guest(server.http);
    const made = await owner.create({ title: 'A bad network' });
    const publisher = await blankPage(scope);
    const published = await publishFromPage(publisher, { ...whipOf(made), codec: 'H264', size, port: network.port });
    expect(published.status).toBe(201);
    await owner.untilStatus(made.stream.id, 'live', 15_000);
    const { page: viewer, played } = await viewerOf(scope, made.playback.whep, downlink.port);
    return { network, downlink, owner, made, publisher, published, viewer, played, link: made.playback.page };
  }

  async function packetsIn(): Promise<number> {
    const text = await (await fetch(`${server.http}/metrics`)).text();
    return Number(/^millrace_webrtc_packets_total\{direction="in"\} (\d+)$/m.exec(text)?.[1]);
  }

  async function metric(kind: string): Promise<number> {
    const text = await (await fetch(`${server.http}/metrics`)).text();
    return Number(new RegExp(`^millrace_webrtc_incidents_total\\{kind="${kind}"\\} (\\d+)$`, 'm').exec(text)?.[1]);
  }

  // Counts what comes to the server.
  test('packets that are recorded on their way and sent again are dropped where they are decrypted', { concurrent: false }, async () => {
    await using scope = new AsyncDisposableStack();
    const { network, viewer } = await stage(scope, LARGE);
    const [passedBefore, packetsBefore] = [network.counts.passed, await packetsIn()];
    network.fault = { replayAfterMs: 300 };
    await moreFrames(viewer, 90, 20_000);
    network.fault = {};
    const came = (await packetsIn()) - packetsBefore;
    const { passed, replayed } = network.counts;
    expect(replayed).toBeGreaterThan(300);
    // Nearly all go to the server: had each been let in three times, it would have seen more than were sent.
    expect(came).toBeLessThan(passed - passedBefore);
    expect(await metric('whipMalformed')).toBe(0);
    await moreFrames(viewer, 20, RECOVERY_MS);
  });

  test('a publisher whose network becomes narrow sends less of a sudden, and next to nothing is lost', async () => {
    await using scope = new AsyncDisposableStack();
    const { network, publisher, viewer } = await stage(scope, LARGE);
    const before = network.lost;
    // A second of room, as cheap routers have it: who waits for loss learns of it when live is a second behind.
    network.fault = { delayMs: 20, bitsPerSecond: NARROW, queueMs: 1_000 };
    await until(async () => (await sentBy(publisher)).targetBitsPerSecond < NARROW, {
      what: 'less to be sent',
      timeoutMs: 10_000,
      seen: async () => JSON.stringify(await sentBy(publisher)),
    });
    await moreFrames(viewer, 90, 20_000);
    const sent = await sentBy(publisher);
    console.log('on a narrow network:', JSON.stringify(sent), `${network.lost - before} packets lost`);
    expect(sent.roundTripMs).toBeLessThan(600);
    expect(network.lost - before).toBeLessThan(20);
    network.fault = {};
    await until(async () => (await sentBy(publisher)).targetBitsPerSecond > NARROW, {
      what: 'more to be sent',
      timeoutMs: 45_000,
      seen: async () => JSON.stringify(await sentBy(publisher)),
    });
  });

  test('on the way to the server bursts of loss, jitter and packets that overtake each other, a blackout and a path that is gone: both kinds of viewers see it go on', {
    timeout: 120_000,
  }, async () => {
    await using scope = new AsyncDisposableStack();
    const { network: uplink, downlink, owner, made, publisher, published, viewer, played, link } = await stage(scope);
    const segments = await WatchPage.open(await preferLatency(scope.use(await newVisitor(browser, PHONE)), 'low'), link);
    await segments.untilState('playing', 15_000);
    await segments.untilFrames(30, 15_000);
    uplink.fault = { loss: 0.08, burst: 4, delayMs: 20, jitterMs: 30, reorder: 0.05 };
    await Promise.all([moreFrames(viewer, 120, 25_000), segments.untilFrames(120, 25_000)]);
    expect(uplink.lost).toBeGreaterThan(0);
    expect(await metric('whipNacks')).toBeGreaterThan(0);
    uplink.fault = {};
    await Promise.all([moreFrames(viewer, 20, RECOVERY_MS), segments.untilFrames(20, RECOVERY_MS + SEGMENTS_MS)]);
    await segments.page.close();

    // A blackout of the publisher.
    uplink.fault = { loss: 1 };
    await viewer.waitForTimeout(2_000);
    uplink.fault = {};
    await moreFrames(viewer, 10, RECOVERY_MS);
    expect((await receivedBy(viewer)).state).toBe('connected');

    // A publisher and a viewer of other makers whose paths are gone restart ICE: the same sessions, broadcast and player go on.
    const [{ broadcast }, restarts] = [(await owner.get(made.stream.id)).stream, await metric('iceRestarts')];
    const watch = await WatchPage.open(scope.use(await newVisitor(browser, PHONE)), link);
    await watch.untilProtocol('whep', 15_000);
    await watch.untilFrames(30, 15_000);
    uplink.fault = { loss: 1 };
    const restarted = await restartInPage(publisher, { url: `${server.http}${published.location}`, token: whipOf(made).token });
    expect(restarted.status, restarted.body).toBe(200);
    expect(restarted.etag).not.toBe(published.etag);
    await Promise.all([moreFrames(viewer, 10, RECOVERY_MS), watch.untilFrames(10, RECOVERY_MS)]);
    downlink.fault = { loss: 1 };
    expect((await restartInPage(viewer, { url: `${server.http}${played.location}` })).status).toBe(200);
    await moreFrames(viewer, 10, RECOVERY_MS);

    expect((await owner.get(made.stream.id)).stream).toMatchObject({ status: 'live', broadcast: { id: broadcast?.id } });
    expect(await metric('iceRestarts')).toBe(restarts + 2);
    expect((await receivedBy(viewer)).state).toBe('connected');
    expect([await watch.protocol(), watch.complaints.list]).toEqual(['whep', []]);
  });

  test('on the way to a viewer moderate loss is repaired, and after a burst that nothing repairs it gets a key frame: other viewers do not notice', async () => {
    await using scope = new AsyncDisposableStack();
    const { downlink, viewer, made } = await stage(scope);
    const { page: other } = await viewerOf(scope, made.playback.whep);
    const resent = await metric('whepResent');
    downlink.fault = { loss: 0.05, burst: 2, jitterMs: 10 };
    const before = await receivedBy(viewer);
    const others = await moreFrames(other, 150, 20_000);
    const during = await receivedBy(viewer);
    downlink.fault = {};
    // Beside a viewer with a good network, since a busy machine slows both.
    console.log(`frames with 5 % of loss: ${during.frames - before.frames} of 150`);
    expect(during.frames - before.frames).toBeGreaterThan(150 * NEARLY_ALL);
    expect(await metric('whepResent')).toBeGreaterThan(resent);
    expect(during.retransmitted).toBeGreaterThan(before.retransmitted);
    expect(others.lost).toBe(0);
    await moreFrames(viewer, 20, RECOVERY_MS);

    downlink.fault = { loss: 1 };
    const othersInBlackout = await moreFrames(other, 45, 10_000);
    downlink.fault = {};
    await moreFrames(viewer, 20, RECOVERY_MS);
    expect(othersInBlackout.lost).toBe(0);
    expect((await receivedBy(viewer)).state).toBe('connected');
  });
});
