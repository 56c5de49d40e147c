/** What a person reads in a part of a page: rendered text on one line, words kept apart. */
import type { Locator } from 'playwright-core';

export async function visibleText(part: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: hidden text must not count, and textContent glues neighbours together.
  return (await part.innerText()).replaceAll(/\s+/g, ' ');
}
