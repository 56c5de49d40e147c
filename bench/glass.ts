/** Glass-to-glass latency and time to the first frame in Chromium, with the same encoder and the same bare hls.js page. */
import type { Page } from 'playwright-core';
import { newVisitor, openBrowser } from '../e2e/harness/chromium.ts';
import { median, playFor, readClock, sampleLatencies } from '../e2e/harness/page-clock.ts';
import { PlayerPages } from '../e2e/harness/player-pages.ts';
import { LOW_LATENCY, publishWithFfmpeg } from '../e2e/harness/publisher.ts';
import { until } from '../e2e/harness/until.ts';
import { text } from './playlist-links.ts';
import type { BenchServerKind } from './servers/bench-server.ts';

export interface GlassResult {
  readonly server: string;
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

export async function measureGlass(kind: BenchServerKind, { settleSeconds, samples, visits }: GlassOptions): Promise<GlassResult | undefined> {
  await using server = await kind.start();
  const { publishUrl, hlsUrl } = await server.addStream();
  if (!hlsUrl) return undefined;
  await using encoder = publishWithFfmpeg(publishUrl, { video: LOW_LATENCY });
  await until(() => text(hlsUrl).then((playlist) => !playlist.includes('#EXT-X-TARGETDURATION') || playlist.includes('#EXTINF')), {
    what: `HLS of ${kind.name}`,
    timeoutMs: 30_000,
    everyMs: 200,
    seen: () => encoder.tail(),
  });
  await using pages = await PlayerPages.open();
  const browser = await openBrowser({ autoplay: 'allowed' });
  try {
    const url = pages.url('hls', hlsUrl);
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
    return { server: kind.name, medianMs: median(latencies), p95Ms: latencies[Math.floor(latencies.length * 0.95)] ?? Number.NaN, firstFrameMs: median(firstFrames) };
  } finally {
    await browser.close();
  }
}

async function firstFrame(page: Page, url: string): Promise<number> {
  await page.goto(url);
  return until(() => page.evaluate(() => Number(document.body.dataset['firstFrameMs']) - Number(document.body.dataset['scriptMs'])).then((ms) => Number.isFinite(ms) && ms), {
    what: 'the first frame',
    timeoutMs: 30_000,
    everyMs: 20,
  });
}
