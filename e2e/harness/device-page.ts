/** Going live from the device itself, as the person with the camera has it before them. */
import type { BrowserContext, Page } from 'playwright-core';
import { PageComplaints, pageOf } from './chromium.ts';
import { until } from './until.ts';
import { visibleText } from './visible-text.ts';

export class DevicePage {
  readonly page: Page;
  readonly complaints: PageComplaints;

  private constructor(page: Page, http: string) {
    this.page = page;
    this.complaints = new PageComplaints(page, http);
  }

  /** From *Go live* to the page with the camera's picture, or the sentence in its place. */
  static async open(at: BrowserContext | Page, http: string, title?: string, quality: 'auto' | '360p' = '360p'): Promise<DevicePage> {
    // What the person chose the last time; 720p and its half, as nobody chose, take a core to encode.
    await at.addInitScript((chosen) => {
      if (localStorage.getItem('millrace.quality') === null) localStorage.setItem('millrace.quality', chosen);
    }, quality);
    const device = new DevicePage(await pageOf(at), http);
    const { page } = device;
    await page.goto(`${http}/live`);
    await page.getByText('This device', { exact: true }).click();
    if (title) await page.getByRole('textbox', { name: 'Title' }).fill(title);
    await page.getByRole('button', { name: 'Set up the camera' }).click();
    await page.waitForURL(/\/live\/[\w-]{21,}\?from=device/);
    return device;
  }

  get streamId(): string {
    return new URL(this.page.url()).pathname.split('/').at(-1) ?? '';
  }

  /** Waits for the camera's own picture. */
  untilPicture(timeoutMs: number): Promise<true> {
    const width = () => this.page.locator('video').evaluate((element) => (element instanceof HTMLVideoElement ? element.videoWidth : 0));
    return until(async () => (await width()) > 0, { what: 'the picture of the camera', timeoutMs, seen: () => this.says() });
  }

  untilState(wanted: 'setup' | 'live' | 'reconnecting' | 'ended', timeoutMs: number): Promise<true> {
    const state = () => this.page.locator('[data-state]').first().getAttribute('data-state', { timeout: 5000 });
    return until(async () => (await state()) === wanted, { what: `the broadcast to be ${wanted}`, timeoutMs, seen: async () => `${await state()}: ${await this.says()}` });
  }

  says(): Promise<string> {
    return visibleText(this.page.locator('body'));
  }

  untilSays(pattern: RegExp, timeoutMs: number): Promise<true> {
    return until(async () => pattern.test(await this.says()), { what: `the page to say ${pattern}`, timeoutMs, seen: () => this.says() });
  }

  /** What viewers open. */
  async link(): Promise<string> {
    return `${new URL(this.page.url()).origin}/w/${await this.#ask('code')}`;
  }

  /** The broadcast as the server knows it. */
  broadcastId(): Promise<string> {
    return this.#ask('broadcast', 'id');
  }

  /** A field of the stream, asked with the page's own identity. */
  #ask(...path: readonly string[]): Promise<string> {
    return this.page.evaluate(
      async ({ streamId, path }) => {
        const answer = await fetch(`/api/v1/streams/${streamId}`, { headers: { authorization: `Bearer ${localStorage.getItem('millrace.token')}` } });
        const { stream } = await answer.json();
        return String(path.reduce((value, name) => value?.[name], stream));
      },
      { streamId: this.streamId, path },
    );
  }
}
