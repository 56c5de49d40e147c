/** The watch page as a viewer has it before them: what it shows, found by role and name. */
import type { BrowserContext, Locator, Page } from 'playwright-core';
import { PageComplaints } from './chromium.ts';
import { until } from './until.ts';
import { visibleText } from './visible-text.ts';

export type PlayerState = 'waiting' | 'starting' | 'playing' | 'paused' | 'stalled' | 'reconnecting' | 'ended' | 'blocked' | 'unplayable';

/** What this visitor chose before, as if in the settings menu. */
export async function preferLatency(context: BrowserContext, latency: 'real-time' | 'low' | 'stable'): Promise<BrowserContext> {
  await context.addInitScript((chosen) => localStorage.setItem('millrace.latency', chosen), latency);
  return context;
}

export class WatchPage {
  readonly page: Page;
  readonly complaints: PageComplaints;
  readonly player: Locator;
  readonly video: Locator;

  private constructor(page: Page, origin: string) {
    this.page = page;
    this.complaints = new PageComplaints(page, origin);
    this.player = page.locator('[data-state]:has(video)').first();
    this.video = page.locator('video');
  }

  /** Opens a link such as the creator shares. */
  static async open(context: BrowserContext, link: string): Promise<WatchPage> {
    return WatchPage.in(await context.newPage(), link);
  }

  /** In a page that is there already: one that had a page of ours before loads the next at half the cost. */
  static async in(page: Page, link: string): Promise<WatchPage> {
    const watch = new WatchPage(page, link);
    await page.goto(link);
    return watch;
  }

  /** Comes in by the first page and types the code as people do. */
  static async typeCode(context: BrowserContext, http: string, typed: string): Promise<WatchPage> {
    const watch = new WatchPage(await context.newPage(), http);
    await watch.page.goto(`${http}/`);
    await watch.page.getByRole('textbox', { name: 'Code' }).pressSequentially(typed);
    await watch.page.waitForURL('**/w/*');
    return watch;
  }

  async state(): Promise<string> {
    return (await this.player.getAttribute('data-state', { timeout: 5000 })) ?? '';
  }

  untilState(wanted: PlayerState, timeoutMs: number): Promise<true> {
    return until(async () => (await this.state()) === wanted, {
      what: `the player to be ${wanted}`,
      timeoutMs,
      seen: async () =>
        `${await this.state().catch(() => 'no player')} on a page that says “${(await visibleText(this.page.locator('body'))).slice(0, 300)}”; ${this.complaints.list.join('; ')}`,
    });
  }

  /**
   * The value of an expression in the page, asked so that it does not count as a person's touch: Playwright's own evaluations
   * and locators do, after which the browser allows sound.
   */
  async askUntouched(expression: string): Promise<unknown> {
    const session = await this.page.context().newCDPSession(this.page);
    const { result } = await session.send('Runtime.evaluate', { expression, returnByValue: true, userGesture: false });
    await session.detach();
    return result.value;
  }

  untilPlayingUntouched(timeoutMs: number): Promise<true> {
    const ask = () => this.askUntouched(`document.querySelector('[data-state]')?.dataset.state`);
    return until(async () => (await ask()) === 'playing', { what: 'the player to be playing', timeoutMs, seen: async () => String(await ask()) });
  }

  /** How its pictures come: `whep`, `ll-hls`, `hls`. */
  async protocol(): Promise<string> {
    return (await this.player.getAttribute('data-protocol', { timeout: 5000 })) ?? '';
  }

  untilProtocol(wanted: 'whep' | 'll-hls', timeoutMs: number): Promise<true> {
    return until(async () => (await this.protocol()) === wanted, { what: `the player to use ${wanted}`, timeoutMs, seen: () => this.protocol() });
  }

  /** Waits for that many more frames on the screen. */
  async untilFrames(count: number, timeoutMs: number): Promise<true> {
    const shown = () => this.video.evaluate((element) => (element instanceof HTMLVideoElement ? element.getVideoPlaybackQuality().totalVideoFrames : 0));
    // A new source counts from nothing.
    let last = await shown();
    let seen = 0;
    return until(
      async () => {
        const now = await shown();
        seen += now >= last ? now - last : now;
        last = now;
        return seen >= count;
      },
      { what: `${count} more frames`, timeoutMs, everyMs: 50, seen: async () => `${seen} frames, ${await this.state()}, ${await this.protocol()}` },
    );
  }

  /** What the page itself says of the latency, in ms; undefined while it does not know. */
  async latencyMs(): Promise<number | undefined> {
    const text = await this.player.getAttribute('data-latency-ms');
    return text ? Number(text) : undefined;
  }

  async currentTime(): Promise<number> {
    return this.video.evaluate((element) => (element instanceof HTMLVideoElement ? element.currentTime : Number.NaN));
  }
}
