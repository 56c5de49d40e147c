/** Low-latency DASH in real players: how far behind the burned-in clock they are, and that they keep playing. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { type ClockReading, median, playFor, readClock, sampleLatencies } from './harness/page-clock.ts';
import { PlayerPages } from './harness/player-pages.ts';
import { LIGHT, publishWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { until } from './harness/until.ts';

const LIBRARIES = ['dash', 'shaka'] as const;

const PLAYED_SECONDS = 30;

/** Lists mean four seconds and more. Shaka keeps the delay from where it was told to begin, so that both add up, half a second more or less. */
const MAX_BEHIND_MS = { dash: 2_500, shaka: 3_800 } as const;

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

describe.concurrent('low-latency DASH', () => {
  for (const { groups, args } of [
    { groups: 'a second', args: LIGHT },
    { groups: 'two seconds', args: [...LIGHT, '-g', '60'] },
  ])
    test.skipIf(browserTestsAreOff)(
      `with ${groups} from key frame to key frame plays ${PLAYED_SECONDS} s near the live edge in dash.js and Shaka without a stall, and goes on after a drop`,
      { timeout: 150_000 },
      async ({ expect }) => {
        const { stream, streamKey, playback } = await owner.create({ title: 'Close by in DASH' });
        const publish = () => publishWithFfmpeg(`${server.rtmp}/${streamKey}`, { video: args });
        const first = publish();
        await using _first = first;
        await owner.untilStatus(stream.id, 'live', 15_000);
        await until(async () => (await fetch(playback.dash)).ok, { what: 'a manifest', timeoutMs: 15_000 });
        const visits = await Promise.all(LIBRARIES.map((library) => Visit.to(library, playback.dash)));
        await Promise.all(visits.map(({ page }) => playFor(page, PLAYED_SECONDS, 60_000)));
        for (const visit of visits) {
          const said = await visit.said();
          let behind = Number.NaN;
          // Who started slowly on a busy machine catches up a tenth faster than life.
          await until(
            async () => {
              behind = median(await sampleLatencies(visit.page, 10));
              return behind < MAX_BEHIND_MS[visit.library];
            },
            { what: `${visit.library} less than ${MAX_BEHIND_MS[visit.library]} ms behind`, timeoutMs: 20_000, seen: () => `${behind} ms` },
          );
          console.log(`${groups}, ${visit.library}: ${behind} ms behind, ${said['stalls']} stalls, first frame after ${said['firstFrameMs']} ms`);
          expect(said).toMatchObject({ errors: '', stalls: '0' });
          expect(visit.missing).toEqual([]);
        }
        const droppedAt = Date.now();
        await first.stop('SIGKILL');
        await owner.untilStatus(stream.id, 'reconnecting', 10_000);
        await using _second = publish();
        for (const visit of visits) {
          const { latencyMs } = await until(async () => newerThan(droppedAt, await readClock(visit.page)), { what: `the new picture in ${visit.library}`, timeoutMs: 20_000 });
          console.log(`${groups}, ${visit.library}: ${latencyMs} ms behind after a drop`);
          await playFor(visit.page, 5, 15_000);
          expect((await visit.said())['errors']).toBe('');
          await visit.page.context().close();
        }
      },
    );
});

/** One player in a browser window of its own. */
class Visit {
  readonly library: (typeof LIBRARIES)[number];
  readonly page: Page;
  /** Media that was asked for and not there. */
  readonly missing: string[] = [];

  private constructor(library: (typeof LIBRARIES)[number], page: Page) {
    this.library = library;
    this.page = page;
    page.on('response', (response) => {
      if (response.status() >= 400 && response.url().includes('/hls/')) this.missing.push(`${response.status()} ${response.url()}`);
    });
  }

  static async to(library: (typeof LIBRARIES)[number], source: string): Promise<Visit> {
    if (!browser) throw new Error('browser tests are off');
    const context = await newVisitor(browser);
    const visit = new Visit(library, await context.newPage());
    await visit.page.goto(pages.url(library, source));
    await readClock(visit.page, { timeoutMs: 20_000 });
    return visit;
  }

  said(): Promise<Record<string, string | undefined>> {
    return this.page.evaluate(() => ({ ...document.body.dataset }));
  }
}

function newerThan(wallMs: number, reading: ClockReading): ClockReading | undefined {
  return reading.paintedMs > wallMs + 1000 ? reading : undefined;
}
