/** A page as people see it, kept as a picture in output/, and as axe does: nothing serious, nothing too wide, no button cut off. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import type { ExpectStatic } from 'vitest';
import { DESKTOP, PHONE } from './chromium.ts';
import { outputFile } from './folder.ts';

const AXE = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const SIZES = { phone: PHONE, desktop: DESKTOP } as const;
export type SizeName = keyof typeof SIZES;

export interface Look {
  readonly size: SizeName;
  /** What lies below the edge of the screen too. */
  readonly fullPage?: boolean;
}

/**
 * As `look`, on a desktop and then on a phone, which the page is from then on.
 * @param scroll brings what is looked at into view, at either size
 */
export async function lookAtBoth(
  expect: ExpectStatic,
  page: Page,
  name: string,
  { fullPage = false, scroll }: { readonly fullPage?: boolean; scroll?(): Promise<void> } = {},
): Promise<void> {
  for (const size of ['desktop', 'phone'] as const) {
    await page.setViewportSize(SIZES[size]);
    await scroll?.();
    await look(expect, page, name, { fullPage, size });
  }
}

/** Fails softly: a run shows every fault of every page. `name` becomes that of the picture. */
export async function look(expect: ExpectStatic, page: Page, name: string, { size, fullPage = false }: Look): Promise<void> {
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: outputFile('pages', `${name}-${size}.png`), animations: 'disabled', fullPage });
  expect.soft(await seriousFaults(page), `${name} on a ${size}`).toEqual([]);
  expect.soft(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), `${name} on a ${size} is too wide`).toBeLessThanOrEqual(0);
  const clipped = await page
    .locator('.mantine-Button-label')
    .evaluateAll((labels) => labels.filter((label) => label.scrollWidth > label.clientWidth + 1).map((label) => label.textContent));
  expect.soft(clipped, `${name} on a ${size} cuts off buttons`).toEqual([]);
}

/** What axe finds that keeps somebody from using the page. Our pages have no frames: it is enough to ask in the one there is. */
export async function seriousFaults(page: Page): Promise<string[]> {
  // Once for a document: to read it takes longer than to look.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(await AXE);
  const { violations } = await page.evaluate((options): Promise<AxeResults> => Reflect.get(window, 'axe').run(document, options), {
    runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] },
    resultTypes: ['violations'],
  });
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' · ')}`);
}
