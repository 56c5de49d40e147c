/** A page as people see it, kept as a picture in output/, and as axe does: nothing serious, nothing too wide, no button cut off. */
import { readFile, writeFile } from 'node:fs/promises';
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
  await page.evaluate(async () => {
    await document.fonts.ready;
    // What follows the size of the window by script does so with the next picture.
    for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
    // Whatever moves is where it is going.
    for (const animation of document.getAnimations()) if (animation.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY) animation.finish();
  });
  await takePicture(page, outputFile('pages', `${name}-${size}.png`), fullPage);
  expect.soft(await seriousFaults(page), `${name} on a ${size}`).toEqual([]);
  const { tooWide, clipped } = await page.evaluate(() => {
    const labels = [...document.querySelectorAll('.mantine-Button-label')];
    const root = document.documentElement;
    return { tooWide: root.scrollWidth - root.clientWidth, clipped: labels.filter((label) => label.scrollWidth > label.clientWidth + 1).map((label) => label.textContent) };
  });
  expect.soft(tooWide, `${name} on a ${size} is too wide`).toBeLessThanOrEqual(0);
  expect.soft(clipped, `${name} on a ${size} cuts off buttons`).toEqual([]);
}

/** As Chromium packs it fastest, which takes it half of the time that Playwright's own takes. */
async function takePicture(page: Page, path: string, fullPage: boolean): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { cssContentSize } = await session.send('Page.getLayoutMetrics');
  const part = fullPage ? { captureBeyondViewport: true, clip: { ...cssContentSize, scale: 1 } } : {};
  const { data } = await session.send('Page.captureScreenshot', { format: 'png', optimizeForSpeed: true, ...part });
  await session.detach();
  await writeFile(path, data, 'base64');
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
