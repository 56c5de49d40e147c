/** The watch page in Firefox: real time where it has the codec, segments where it has not, and the change by itself. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff } from './harness/chromium.ts';
import { Firefox, type FirefoxPage } from './harness/firefox.ts';
import { flashWithGstreamer } from './harness/gstreamer-client.ts';
import { CELLS, clockIn, lumaOfCells } from './harness/page-clock.ts';
import { LIGHT, publishWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { until } from './harness/until.ts';

interface Shown {
  readonly state: string;
  readonly protocol: string;
  readonly frames: number;
  readonly seconds: number;
  readonly error: string;
}

describe.skipIf(browserTestsAreOff)('Firefox', () => {
  let firefox: Firefox;
  let server: RunningServer;
  let owner: Owner;

  beforeAll(async () => {
    await ensureTool('ffmpeg');
    await ensureTool('firefox');
    await ensureTool('webrtcbin');
    server = await startServer();
    firefox = await Firefox.open();
  });
  beforeEach(async () => {
    owner = await Owner.guest(server.http);
  });
  afterAll(async () => {
    await firefox?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  async function watch(code: string, latency: 'real-time' | 'low'): Promise<FirefoxPage> {
    const page = await firefox.newPage(`${server.http}/healthz`);
    await page.evaluate((chosen) => localStorage.setItem('millrace.latency', chosen), latency);
    await page.goto(`${server.http}/w/${code}`);
    return page;
  }

  function shownBy(page: FirefoxPage): Promise<Shown> {
    return page.evaluate(() => {
      const player = document.querySelector('[data-state]:has(video)');
      const video = document.querySelector('video');
      // Counted here: Firefox's own count knows nothing of pictures that come by WebRTC.
      const counted: unknown = video && Reflect.get(video, 'framesSeen');
      if (video && counted === undefined) {
        const count = () => {
          Object.assign(video, { framesSeen: Number(Reflect.get(video, 'framesSeen') ?? 0) + 1 });
          video.requestVideoFrameCallback(count);
        };
        video.requestVideoFrameCallback(count);
        Object.assign(video, { framesSeen: 0 });
      }
      return {
        state: player?.getAttribute('data-state') ?? '',
        protocol: player?.getAttribute('data-protocol') ?? '',
        frames: typeof counted === 'number' ? counted : 0,
        seconds: video?.currentTime ?? 0,
        error: video?.error?.message ?? '',
      };
    }, undefined);
  }

  async function untilPlays(page: FirefoxPage, protocol: 'whep' | 'll-hls'): Promise<void> {
    let last: Shown | undefined;
    const seen = () => JSON.stringify(last);
    const begin = await until(
      async () => {
        last = await shownBy(page);
        return last.state === 'playing' && last.protocol === protocol && last.frames > 0 && last;
      },
      { what: `pictures by ${protocol}`, timeoutMs: 40_000, seen },
    );
    await until(
      async () => {
        last = await shownBy(page);
        return last.frames >= begin.frames + 60 && last.seconds > begin.seconds;
      },
      { what: `60 more frames by ${protocol}`, timeoutMs: 30_000, seen },
    );
    expect(last).toMatchObject({ state: 'playing', protocol });
  }

  test('VP8 is watched in real time', async () => {
    const { stream, ingest } = await owner.create({ title: 'VP8 for Firefox' });
    const { url, token = '' } = ingest.whip;
    await using publisher = flashWithGstreamer({ url, token, codec: 'VP8' });
    await publisher.line((line) => line.includes('published'), 30_000);
    await owner.untilStatus(stream.id, 'live', 15_000);
    const page = await watch(stream.code, 'real-time');
    await untilPlays(page, 'whep');
    await page.close();
  });

  test('H.264 by segments shows the clock of a moment ago; asked for it in real time, it goes over to segments by itself where it has no H.264 by WebRTC', async () => {
    const { stream, streamKey } = await owner.create({ title: 'H.264 for Firefox' });
    await using _encoder = publishWithFfmpeg(`${server.rtmp}/${streamKey}`, { video: LIGHT });
    await owner.untilStatus(stream.id, 'live', 15_000);
    const page = await watch(stream.code, 'low');
    await untilPlays(page, 'll-hls');
    const clock = await until(async () => clockIn(await page.evaluate(lumaOfCells, { ...CELLS, selector: 'video' })), { what: 'a clock in the picture', timeoutMs: 10_000 });
    console.log(`Firefox: glass to glass ${clock.latencyMs} ms by segments`);
    expect(clock.latencyMs).toBeLessThan(6_000);

    const hasH264 = await page.evaluate(async () => {
      const peer = new RTCPeerConnection();
      peer.addTransceiver('video', { direction: 'recvonly' });
      const { sdp = '' } = await peer.createOffer();
      peer.close();
      return sdp.includes('H264');
    }, undefined);
    console.log(`Firefox ${hasH264 ? 'has' : 'has no'} H.264 by WebRTC`);
    await page.evaluate(() => localStorage.setItem('millrace.latency', 'real-time'), undefined);
    await page.goto(`${server.http}/w/${stream.code}`);
    await untilPlays(page, hasH264 ? 'whep' : 'll-hls');
    await page.close();
  });
});
