/** Broadcasts that go on to other services, and streams that are fetched from elsewhere, between real servers. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { NGINX_RTMP } from '../bench/servers/nginx-rtmp.ts';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff, newVisitor, openBrowser, PHONE } from './harness/chromium.ts';
import { freePort } from './harness/free-port.ts';
import { lookAtBoth } from './harness/look.ts';
import { readClock } from './harness/page-clock.ts';
import { LIGHT, publishWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { StudioPage } from './harness/studio-page.ts';
import { until } from './harness/until.ts';
import { WatchPage } from './harness/watch-page.ts';

/** Every server here lies on this machine. */
const LOCAL = { env: { ALLOW_PRIVATE_ADDRESSES: 'true' } };

/** Nobody looks at it closely. */
const PICTURE = { video: [...LIGHT, '-g', '15'], fps: '15' };

let here: RunningServer;
let there: RunningServer;
/** A broadcast of there that is fetched from here. */
let camera: { readonly hls: string; untilLive(timeoutMs: number): Promise<unknown> };
let browser: Browser | undefined;
const scope = new AsyncDisposableStack();

beforeAll(async () => {
  await ensureTool('ffmpeg');
  [here, there] = await Promise.all([startServer(LOCAL), startServer(LOCAL)]);
  scope.use(here);
  scope.use(there);
  const owner = await Owner.guest(there.http);
  const { stream, streamKey, playback } = await owner.create({ title: 'The camera' });
  scope.use(publishWithFfmpeg(`${there.rtmp}/${streamKey}`, PICTURE));
  camera = { hls: playback.hls, untilLive: (timeoutMs) => owner.untilStatus(stream.id, 'live', timeoutMs) };
  if (browserTestsAreOff) return;
  const opened = await openBrowser({ autoplay: 'allowed' });
  browser = opened;
  scope.defer(() => opened.close());
});
afterAll(() => scope.disposeAsync());

describe.concurrent('a broadcast', () => {
  test('goes on to a second Millrace and to nginx, whatever becomes of a third', async ({ expect }) => {
    await using nginx = await NGINX_RTMP.start();
    const nginxStream = await nginx.addStream();
    const owner = await Owner.guest(here.http);
    const { stream, ingest } = await owner.create({ title: 'Forwarded' });
    const other = await Owner.guest(there.http);
    const received = await other.create({ title: 'Received' });
    const [nginxServer = '', name = ''] = nginxStream.publishUrl.split(/\/(?=[^/]*$)/);
    const dead = await owner.forward(stream.id, `rtmp://127.0.0.1:${await freePort()}/live`, 'nobody');
    const second = await owner.forward(stream.id, there.rtmp, received.streamKey);
    const third = await owner.forward(stream.id, nginxServer, name);

    await using _encoder = publishWithFfmpeg(`${ingest.rtmp?.url}/${ingest.rtmp?.key}`, PICTURE);
    await other.untilStatus(received.stream.id, 'live', 30_000);
    await until(async () => (await fetch(nginxStream.hlsUrl ?? '')).ok, { what: 'a playlist of nginx', timeoutMs: 40_000 });
    const stateOf = async (id: string) => (await owner.targets(stream.id)).find((target) => target.id === id);
    expect(await stateOf(second.id)).toMatchObject({ state: 'forwarding', error: null, droppedUnits: 0 });
    expect(await stateOf(third.id)).toMatchObject({ state: 'forwarding', error: null, droppedUnits: 0 });
    expect((await stateOf(dead.id))?.error).toMatch(/^Nothing takes connections at /);
    const lines = here.logs().filter(({ msg }) => msg === 'forwarding failed');
    expect(lines).not.toEqual([]);
    expect(JSON.stringify(lines)).not.toContain('nobody');

    await owner.stop(stream.id);
    await other.untilStatus(received.stream.id, 'reconnecting', 10_000);
    expect(await stateOf(second.id)).toMatchObject({ state: 'idle' });
  });
});

describe.concurrent('a stream', () => {
  test('is fetched as HLS from a second Millrace when a viewer asks, and played on', async ({ expect }) => {
    await camera.untilLive(20_000);
    const owner = await Owner.guest(here.http);
    const { stream, playback } = await owner.create({ title: 'Fetched' });
    await owner.fetchFrom(stream.id, camera.hls, 'on-demand');
    expect(await owner.source(stream.id)).toMatchObject({ state: 'idle', mode: 'on-demand', url: camera.hls });
    await until(async () => (await fetch(playback.hls)).ok, { what: 'a playlist of what is fetched', timeoutMs: 40_000 });
    const { stream: now } = await owner.untilStatus(stream.id, 'live', 10_000);
    expect(now.broadcast).not.toBeNull();
    expect(await owner.source(stream.id)).toMatchObject({ state: 'running', error: null });
    const master = await (await fetch(playback.hls)).text();
    expect(master).toMatch(/CODECS="avc1\.[^"]*mp4a\.40\.2"/);
  });
});

describe.skipIf(browserTestsAreOff).concurrent('the creator’s page', () => {
  test('has a stream fetched: says what is wrong with it, shows it, stops, begins again and lets go of it', { timeout: 240_000 }, async ({ expect }) => {
    await using context = await visitor();
    const studio = await StudioPage.toFetch(context, here.http, 'From the yard');
    const { page } = studio;
    const lookAt = (state: string) => lookAtBoth(expect, page, `fetch-${state}`, { fullPage: true });
    const address = page.getByRole('textbox', { name: 'Address' });
    const press = (name: string) => page.getByRole('button', { name, exact: true }).click();

    await address.fill('http://0.0.0.0/live.m3u8');
    await press('Fetch it');
    await studio.untilSays(/0\.0\.0\.0 is not on the open internet.*The person who runs this server decides/, 10_000);
    await lookAt('refused');
    const dead = await freePort();
    await address.fill(`rtsp://user:tell-nobody@127.0.0.1:${dead}/camera`);
    await press('Fetch it');
    await studio.untilSays(new RegExp(`rtsp://127\\.0\\.0\\.1:${dead}/camera Not connected Nothing takes connections at 127.*Trying again in 0:`), 30_000);
    expect(await page.content()).not.toContain('tell-nobody');
    await lookAt('unreachable');

    await camera.untilLive(60_000);
    await press('Change the address');
    await page.getByRole('dialog').getByRole('textbox', { name: 'Address' }).fill(camera.hls);
    await press('Change');
    await studio.untilSays(/Fetching/, 60_000);
    await studio.untilSays(/Bitrate.*Mbit|kbit/, 30_000);
    await readClock(page, { timeoutMs: 30_000 });
    await lookAt('running');
    const link = await page.getByRole('link', { name: 'Open the watch page' }).getAttribute('href');
    const watch = await WatchPage.open(context, link ?? '');
    await readClock(watch.page, { timeoutMs: 30_000 });

    await page.getByText('When watched', { exact: true }).click();
    await studio.untilSays(/The first viewer waits some seconds/, 10_000);
    await press('Stop fetching');
    await press('Stop');
    await watch.untilState('ended', 30_000);
    await studio.untilSays(/Ended.* Off /, 10_000);
    await lookAt('off');
    await press('Start fetching');
    await studio.untilSays(/Waiting for the first viewer|Connecting|Fetching/, 30_000);
    await press('Remove the source');
    await press('Remove');
    await studio.untilSays(/The broadcast ended at|Live|Reconnecting/, 10_000);
    expect(await studio.says()).not.toContain('Where it comes from');
  });

  test('adds services, shows how they go, and lets go of them', async ({ expect }) => {
    const other = await Owner.guest(there.http);
    const received = await other.create({ title: 'Seen elsewhere' });
    await using context = await visitor(PHONE);
    const studio = await StudioPage.create(context, here.http, 'On two services');
    const { page } = studio;
    const add = async (url: string, key: string, name: string) => {
      await page.getByRole('button', { name: 'Add a service' }).click();
      await page.getByRole('textbox', { name: 'Server' }).fill(url);
      await page.getByLabel('Stream key').last().fill(key);
      await page.getByRole('textbox', { name: 'Name, if you like' }).fill(name);
      await page.getByRole('button', { name: 'Add', exact: true }).click();
    };
    await add('https://live.example.org', 'x', '');
    await page.getByText('The address must begin with rtmp://, rtmps:// or srt://.').waitFor();
    await lookAtBoth(expect, page, 'forward-wrong');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await add(there.rtmp, received.streamKey, 'The other mill');
    await studio.untilSays(/The other mill.*Begins with your next broadcast/, 10_000);
    await add(`rtmp://127.0.0.1:${await freePort()}/live`, 'nobody', 'The closed mill');
    await studio.untilSays(/The closed mill/, 10_000);

    await using _encoder = publishWithFfmpeg(`${await studio.copied('the server')}/${await studio.copied('the stream key')}`, PICTURE);
    await studio.untilSays(/The other mill.*Sending.*The closed mill.*(Not connected|Connecting)/, 30_000);
    await studio.untilSays(/Nothing takes connections at/, 10_000);
    await lookAtBoth(expect, page, 'forward', { fullPage: true });

    await page.getByRole('switch', { name: 'Forward to The other mill' }).click();
    await studio.untilSays(/The other mill \S+ Off/, 5_000);
    await other.untilStatus(received.stream.id, 'reconnecting', 10_000);
    await page.getByRole('button', { name: 'Remove The closed mill' }).click();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await until(async () => !(await studio.says()).includes('The closed mill'), { what: 'the service to be gone', timeoutMs: 5_000 });
  });
});

function visitor(viewport?: typeof PHONE) {
  if (!browser) throw new Error('browser tests are off');
  return newVisitor(browser, viewport);
}
