/** Broadcasts as every kind of player reads them, over minutes; the long ones run side by side. */

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PlaylistChecker } from '@millrace/media/m3u8/check-playlist';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { Child, run } from './harness/child.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { paintedAt, readClockInFrame } from './harness/clock-picture.ts';
import { TemporaryFolder } from './harness/folder.ts';
import { readClock } from './harness/page-clock.ts';
import { followPlaylist, renditionsOf } from './harness/playlist-follower.ts';
import { LIGHT, publishWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { TcpProxy } from './harness/tcp-proxy.ts';
import { until } from './harness/until.ts';
import { WatchPage } from './harness/watch-page.ts';

const BROADCAST_SECONDS = 180;
const PULLED_SECONDS = 20;

/** Of broadcasts that are about time and not about the picture. */
const CALM = { video: [...LIGHT, '-g', '15'], fps: '15' };

/** The picture is 320 × 180; a browser without a graphics card pays for each point it shows it on. */
const WINDOW = { width: 640, height: 400 };

let server: RunningServer;
let owner: Owner;
let browser: Browser | undefined;
const scope = new AsyncDisposableStack();

/** The size of pictures as they are published, and of a frame of it as yuv420p. */
const PICTURE = { width: 320, height: 180 };
const FRAME_BYTES = (PICTURE.width * PICTURE.height * 3) / 2;

beforeAll(async () => {
  for (const tool of ['ffmpeg', 'ffprobe', 'gstreamer'] as const) await ensureTool(tool);
  server = scope.use(await startServer());
  owner = await Owner.guest(server.http);
  if (browserTestsAreOff) return;
  const opened = await openBrowser({ autoplay: 'allowed' });
  browser = opened;
  scope.defer(() => opened.close());
});

afterAll(() => scope.disposeAsync());

describe.concurrent('a broadcast', () => {
  test('keeps the rules of LL-HLS at every reload for three minutes with a drop in them', { timeout: (BROADCAST_SECONDS + 60) * 1000 }, async ({ expect }) => {
    const { stream, streamKey, playback } = await owner.create({ title: 'Three minutes and a drop' });
    const target = `${server.rtmp}/${streamKey}`;
    const started = performance.now();
    const passed = () => (performance.now() - started) / 1000;
    await using first = publishWithFfmpeg(target, CALM);
    await owner.untilStatus(stream.id, 'live', 15_000);
    const violations: string[] = [];
    const texts = new Map<string, string>();
    const follow = async (url: string) => {
      const checker = new PlaylistChecker();
      return followPlaylist(url, {
        signal: AbortSignal.timeout((BROADCAST_SECONDS + 40) * 1000),
        see: (text) => {
          for (const violation of checker.check(text)) violations.push(`${new URL(url).pathname} at ${passed().toFixed(1)} s: ${violation}`);
          texts.set(url, text);
        },
      });
    };
    const renditions = await renditionsOf(playback.hls);
    expect(renditions).toHaveLength(2);
    const readers = renditions.map(follow);
    await until(() => passed() > 60, { what: 'the first minute', timeoutMs: 70_000, everyMs: 500 });
    await first.stop('SIGKILL');
    await owner.untilStatus(stream.id, 'reconnecting', 5_000);
    await until(() => passed() > 68, { what: 'the drop', timeoutMs: 20_000, everyMs: 500 });
    await using second = publishWithFfmpeg(target, CALM);
    await owner.untilStatus(stream.id, 'live', 15_000);
    await until(() => passed() > BROADCAST_SECONDS, { what: 'the third minute', timeoutMs: BROADCAST_SECONDS * 1000, everyMs: 500 });
    expect(second.running, second.tail()).toBe(true);
    await owner.stop(stream.id);
    const reloads = await Promise.all(readers);
    expect(violations.slice(0, 20)).toEqual([]);
    // Five parts a second for as long as media came: a checker that saw less was not there.
    for (const count of reloads) expect(count).toBeGreaterThan((BROADCAST_SECONDS - 20) * 3);
    for (const text of texts.values()) expect(text).toContain('#EXT-X-ENDLIST');
  });

  describe('that others read', () => {
    let broadcast: { readonly hls: string; readonly dash: string };
    let encoder: Child | undefined;

    beforeAll(async () => {
      const { stream, streamKey, playback } = await owner.create({ title: 'Shared by the readers' });
      encoder = publishWithFfmpeg(`${server.rtmp}/${streamKey}`, { video: LIGHT });
      broadcast = playback;
      await owner.untilStatus(stream.id, 'live', 15_000);
    });
    afterAll(() => encoder?.stop('SIGKILL'));

    test.for(['hls', 'dash'] as const)('is read by ffprobe (%s)', { timeout: 160_000 }, async (format, { expect }) => {
      const address = broadcast[format];
      await until(async () => (await fetch(address)).ok, { what: 'a playlist or manifest', timeoutMs: 15_000 });
      const { code, stdout, stderr } = await run(
        'ffprobe',
        ['-v', 'error', '-read_intervals', '%+4', '-show_entries', 'stream=codec_name,width,height:packet=stream_index', '-of', 'json', address],
        {
          timeoutMs: 40_000,
        },
      );
      expect(code, stderr).toBe(0);
      const { streams, packets }: { streams: { codec_name: string }[]; packets: { stream_index: number }[] } = JSON.parse(stdout);
      expect(streams.map((stream) => stream.codec_name).sort()).toEqual(['aac', 'h264']);
      // Four seconds of 30 frames, and of 47 sound frames.
      const counts = streams.map((_, index) => packets.filter((packet) => packet.stream_index === index).length);
      for (const count of counts) expect(count).toBeGreaterThan(90);
      expect(stderr).toBe('');
    });

    test('is read by GStreamer’s HLS demuxer', { timeout: 180_000 }, async ({ expect }) => {
      // It knows nothing of EXT-X-GAP and stays at the first one it meets, so it joins a broadcast that has run for a while.
      const [video = ''] = await renditionsOf(broadcast.hls);
      await until(async () => !(await (await fetch(video)).text()).includes('#EXT-X-GAP'), { what: 'a playlist without gaps', timeoutMs: 45_000, everyMs: 500 });
      using folder = new TemporaryFolder();
      const [seen, heard] = [join(folder.path, 'seen.yuv'), join(folder.path, 'heard.pcm')];
      const started = Date.now();
      await using gstreamer = new Child('gst-launch-1.0', [
        '-q',
        'playbin3',
        `uri=${broadcast.hls}`,
        `video-sink=filesink location=${seen}`,
        `audio-sink=filesink location=${heard}`,
      ]);
      const sizes = () => [seen, heard].map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
      await until(() => sizes().every((size, i) => size > (i === 0 ? 90 * FRAME_BYTES : 3 * 48_000)), {
        what: 'three seconds of picture and sound',
        timeoutMs: 30_000,
        seen: () => `${sizes().join(' and ')} bytes; ${gstreamer.tail()}`,
      });
      expect(gstreamer.stderr.filter((line) => line.includes('ERROR'))).toEqual([]);
      const clock = readClockInFrame(readFileSync(seen).subarray(0, FRAME_BYTES), PICTURE);
      expect(started - paintedAt(clock?.wallMs ?? 0, started)).toBeLessThan(30_000);
    });
  });

  test.skipIf(browserTestsAreOff)(`goes on in the same player after the encoder’s network was away for ${PULLED_SECONDS} s`, { timeout: 240_000 }, async ({ expect }) => {
    const { stream, streamKey, playback } = await owner.create({ title: 'Pulled cable' });
    await using network = await TcpProxy.to({ host: '127.0.0.1', port: server.rtmpPort });
    const target = `rtmp://127.0.0.1:${network.port}/live/${streamKey}`;
    await using first = publishWithFfmpeg(target, CALM);
    await owner.untilStatus(stream.id, 'live', 15_000);
    const watch = await WatchPage.open(await visitor(), playback.page);
    await watch.untilState('playing', 15_000);
    await readClock(watch.page);
    const element = await watch.page.$('video');
    let loads = 0;
    watch.page.on('load', () => loads++);

    const before = await readClock(watch.page);
    network.freeze();
    const pulledAt = performance.now();
    await watch.untilState('reconnecting', 25_000);
    await until(() => watch.page.getByText('The host lost connection. Waiting…').isVisible(), { what: 'the page to say so', timeoutMs: 5_000 });
    await until(() => performance.now() - pulledAt > PULLED_SECONDS * 1000, { what: 'the network to be away', timeoutMs: PULLED_SECONDS * 1000 + 5_000, everyMs: 200 });
    await first.stop('SIGKILL');
    network.resume('lost');
    await using _second = publishWithFfmpeg(target, CALM);

    await watch.untilState('playing', 20_000);
    // What was left of the old picture is shown to its end before the new one.
    const after = await until(
      async () => {
        const reading = await readClock(watch.page);
        return reading.paintedMs - before.paintedMs > PULLED_SECONDS * 1000 && reading;
      },
      { what: 'the new picture', timeoutMs: 15_000 },
    );
    expect(after.latencyMs).toBeLessThan(6_000);
    expect(await element?.evaluate((video) => video.isConnected && document.querySelector('video') === video)).toBe(true);
    expect(loads).toBe(0);
    const { stream: now } = await owner.get(stream.id);
    expect(now.status).toBe('live');
    expect(watch.complaints.list).toEqual([]);
    await watch.page.context().close();
  });
});

function fail(): never {
  throw new Error('browser tests are off');
}

function visitor() {
  return newVisitor(browser ?? fail(), WINDOW);
}
