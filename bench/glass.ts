/** Glass-to-glass latency and time to the first frame in Chromium, with the same pictures and bare player pages for every server. */
import type { Page } from 'playwright-core';
import { newVisitor, openBrowser } from '../e2e/harness/chromium.ts';
import { median, playFor, readClock, sampleLatencies } from '../e2e/harness/page-clock.ts';
import { PlayerPages } from '../e2e/harness/player-pages.ts';
import { LOW_LATENCY, publishWithFfmpeg } from '../e2e/harness/publisher.ts';
import { until } from '../e2e/harness/until.ts';
import { text } from './playlist-links.ts';
import type { BenchServerKind, BenchStream } from './servers/bench-server.ts';
import { MILLRACE } from './servers/millrace.ts';
import { NGINX_RTMP } from './servers/nginx-rtmp.ts';

export interface GlassRoute {
  readonly server: BenchServerKind;
  /** `rtmp`: x264 zerolatency with a key frame a second, and AAC in step with it. `whip`: a browser. */
  readonly from: 'rtmp' | 'whip';
  /** `hls`: hls.js, low-latency where the server has it. `whep`: the browser's own WebRTC. */
  readonly to: 'hls' | 'whep';
}

export const ROUTES: readonly GlassRoute[] = [
  { server: MILLRACE, from: 'whip', to: 'whep' },
  { server: MILLRACE, from: 'rtmp', to: 'whep' },
  { server: MILLRACE, from: 'whip', to: 'hls' },
  { server: MILLRACE, from: 'rtmp', to: 'hls' },
  { server: NGINX_RTMP, from: 'rtmp', to: 'hls' },
];

export interface GlassResult {
  readonly server: string;
  readonly from: GlassRoute['from'];
  readonly to: GlassRoute['to'];
  readonly medianMs: number;
  readonly p95Ms: number;
  /** Median over several visits, from the start of the page's script to the first frame shown. */
  readonly firstFrameMs: number;
}

export interface GlassOptions {
  readonly settleSeconds: number;
  readonly samples: number;
  readonly visits: number;
}

export async function measureGlass({ server: kind, from, to }: GlassRoute, { settleSeconds, samples, visits }: GlassOptions): Promise<GlassResult> {
  await using server = await kind.start();
  await using pages = await PlayerPages.open();
  const stream = await server.addStream();
  await using publisher = from === 'rtmp' ? publishWithFfmpeg(stream.publishUrl, { video: LOW_LATENCY, sound: 'in-step' }) : await publishFromBrowser(pages, stream);
  await until(() => isPlayable(stream), { what: `a stream of ${kind.name}`, timeoutMs: 30_000, everyMs: 200, seen: () => publisher.tail() });
  const browser = await openBrowser({ autoplay: 'allowed' });
  try {
    const url = pages.url(to, (to === 'hls' ? stream.hlsUrl : stream.whepUrl) ?? '');
    const firstFrames: number[] = [];
    for (let visit = 0; visit < visits; visit++) {
      const context = await newVisitor(browser);
      firstFrames.push(await firstFrame(await context.newPage(), url));
      await context.close();
    }
    const page = await (await newVisitor(browser)).newPage();
    await page.goto(url);
    await readClock(page, { timeoutMs: 30_000 });
    await playFor(page, settleSeconds, settleSeconds * 3_000);
    const latencies = await sampleLatencies(page, samples, samples * 500);
    firstFrames.sort((a, b) => a - b);
    return { server: kind.name, from, to, medianMs: median(latencies), p95Ms: latencies[Math.floor(latencies.length * 0.95)] ?? Number.NaN, firstFrameMs: median(firstFrames) };
  } finally {
    await browser.close();
  }
}

/** A browser of its own, as the publisher's would be. */
async function publishFromBrowser(pages: PlayerPages, { whip }: BenchStream): Promise<AsyncDisposable & { tail(): string }> {
  if (!whip) throw new Error('this server takes nothing by WHIP');
  const browser = await openBrowser({ autoplay: 'allowed' });
  let state = '';
  try {
    const page = await browser.newPage();
    await page.goto(pages.whipUrl(whip));
    const isConnected = async () => {
      state = await page.evaluate(() => document.body.dataset['state'] ?? '');
      return state === 'connected';
    };
    await until(isConnected, { what: 'a browser to publish', timeoutMs: 20_000, seen: () => state });
  } catch (error) {
    await browser.close();
    throw error;
  }
  return { tail: () => state, [Symbol.asyncDispose]: () => browser.close() };
}

/** Every server here makes HLS; once that plays, so does the rest. */
async function isPlayable({ hlsUrl }: BenchStream): Promise<boolean> {
  if (!hlsUrl) throw new Error('this server makes no HLS');
  const playlist = await text(hlsUrl);
  return !playlist.includes('#EXT-X-TARGETDURATION') || playlist.includes('#EXTINF');
}

async function firstFrame(page: Page, url: string): Promise<number> {
  await page.goto(url);
  return until(() => page.evaluate(() => Number(document.body.dataset['firstFrameMs']) - Number(document.body.dataset['scriptMs'])).then((ms) => Number.isFinite(ms) && ms), {
    what: 'the first frame',
    timeoutMs: 30_000,
    everyMs: 20,
    seen: () => page.evaluate(() => document.body.dataset['errors'] ?? ''),
  });
}
