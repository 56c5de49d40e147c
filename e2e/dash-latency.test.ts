/** Low-latency DASH in real players: how far behind the burned-in clock they are, and that they keep playing. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { median, playFor, readClock, sampleLatencies } from './harness/page-clock.ts';
import { PlayerPages } from './harness/player-pages.ts';
import { LOW_LATENCY, publishWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { ensureTool } from './harness/tool.ts';
import { until } from './harness/until.ts';

const PLAYED_SECONDS = 30;

/** What a viewer of lists has at best is twice as much. */
const MAX_BEHIND_MS = 2_500;

let server: RunningServer;
let owner: Owner;
let pages: PlayerPages;
let browser: Browser | undefined;
const scope = new AsyncDisposableStack();

beforeAll(async () => {
  await ensureTool('ffmpeg');
  server = scope.use(await startServer());
  owner = await Owner.guest(server.http);
  pages = scope.use(await PlayerPages.open());
  if (browserTestsAreOff) return;
  const opened = await openBrowser({ autoplay: 'allowed' });
  browser = opened;
  scope.defer(() => opened.close());
});

afterAll(() => scope.disposeAsync());

describe.each([
  { groups: 'one second', args: LOW_LATENCY },
  { groups: 'two seconds', args: [...LOW_LATENCY, '-g', '60'] },
])('key frames every $groups', ({ args }) => {
  for (const library of ['dash', 'shaka'] as const) {
    test.skipIf(browserTestsAreOff)(
      `${library === 'dash' ? 'dash.js' : 'Shaka'} plays ${PLAYED_SECONDS} s close to the live edge without a stall`,
      { timeout: 150_000 },
      async ({ expect }) => {
        const { stream, streamKey, playback } = await owner.create({ title: 'DASH, close by' });
        await using _encoder = publishWithFfmpeg(`${server.rtmp}/${streamKey}`, { video: args });
        await owner.untilStatus(stream.id, 'live', 15_000);
        await until(async () => (await fetch(playback.dash)).ok, { what: 'a manifest', timeoutMs: 15_000 });
        if (!browser) throw new Error('browser tests are off');
        const page = await (await newVisitor(browser, { width: 960, height: 640 })).newPage();
        const missing: string[] = [];
        page.on('response', (response) => {
          if (response.status() >= 400) missing.push(`${response.status()} ${response.url()}`);
        });
        await page.goto(pages.url(library, playback.dash));
        await readClock(page, { timeoutMs: 20_000 });
        await playFor(page, PLAYED_SECONDS, 60_000);
        const behind = await sampleLatencies(page, 20);
        const said = await page.evaluate(() => ({ ...document.body.dataset }));
        console.log(
          `${library}: ${median(behind)} ms behind (${behind[0]} to ${behind.at(-1)}), ${said['stalls']} stalls, first frame after ${said['firstFrameMs']} ms, says ${said['latency']} ${said['errors']} ${missing.join()}`,
        );
        expect(said).toMatchObject({ errors: '', stalls: '0' });
        expect(missing.filter((line) => line.includes('/hls/'))).toEqual([]);
        expect(median(behind)).toBeLessThan(MAX_BEHIND_MS);
        await page.context().close();
        await owner.stop(stream.id);
      },
    );
  }
});
