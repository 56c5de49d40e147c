/** The creator's pages as the creator has them before them, found by role and name. */
import type { BrowserContext, Page } from 'playwright-core';
import { PageComplaints, pageOf } from './chromium.ts';
import { until } from './until.ts';
import { visibleText } from './visible-text.ts';

export class StudioPage {
  readonly page: Page;
  readonly complaints: PageComplaints;

  private constructor(page: Page, http: string) {
    this.page = page;
    this.complaints = new PageComplaints(page, http);
  }

  /** From the first page through *Go live* and the title to the page that waits for the encoder. */
  static async create(at: BrowserContext | Page, http: string, title: string, start: 'At once' | 'When I start it' = 'At once'): Promise<StudioPage> {
    const studio = new StudioPage(await pageOf(at), http);
    const { page } = studio;
    await page.goto(`${http}/`);
    await page.getByRole('main').getByRole('link', { name: 'Go live' }).first().click();
    await page.getByText('An encoder', { exact: true }).click();
    await page.getByRole('textbox', { name: 'Title' }).fill(title);
    await page.getByText(start, { exact: true }).click();
    await page.getByRole('button', { name: 'Create stream' }).click();
    await page.waitForURL(/\/live\/[\w-]{21,}/);
    return studio;
  }

  /** From *Go live* to the page that asks for the address of what is to be fetched. */
  static async toFetch(context: BrowserContext, http: string, title: string): Promise<StudioPage> {
    const studio = new StudioPage(await context.newPage(), http);
    const { page } = studio;
    await page.goto(`${http}/live`);
    await page.getByText('Fetch a stream', { exact: true }).click();
    await page.getByRole('textbox', { name: 'Title' }).fill(title);
    await page.getByRole('button', { name: 'Set up the source' }).click();
    await page.waitForURL(/\/live\/[\w-]{21,}/);
    return studio;
  }

  get streamId(): string {
    return new URL(this.page.url()).pathname.split('/').at(-1) ?? '';
  }

  /** What a copy field shows: Server, Stream key, Code, Link. */
  async field(name: string): Promise<string> {
    const text = await this.page.getByRole('group', { name, exact: true }).locator('code').textContent();
    return text ?? '';
  }

  /** Presses the field's copy button and reads what a paste would give. */
  async copied(what: string): Promise<string> {
    await this.page.getByRole('button', { name: `Copy ${what}` }).click();
    return this.page.evaluate(() => navigator.clipboard.readText());
  }

  /** Everything the page says, as one line. */
  says(): Promise<string> {
    return visibleText(this.page.getByRole('main'));
  }

  untilSays(pattern: RegExp, timeoutMs: number): Promise<true> {
    return until(async () => pattern.test(await this.says()), { what: `the creator's page to say ${pattern}`, timeoutMs, seen: () => this.says() });
  }
}
