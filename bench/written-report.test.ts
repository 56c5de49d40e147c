/** What people wrote beside the figures must survive the next run. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { GROUPS } from './report.ts';
import { mergeReport } from './written-report.ts';

const PAGE = 'head\n\n<!-- a -->\nold a\n<!-- /a -->\n\n<!-- b -->\nold b\n<!-- /b -->\n\n## Remarks\n\nBy hand.\n';

test('a part that was measured takes the place of its old text, and nothing else changes', () => {
  expect(mergeReport(PAGE, new Map([['b', '\nnew b\n\n']]))).toBe(PAGE.replace('old b', 'new b'));
});

test('a part that is new comes before the remarks', () => {
  const merged = mergeReport(PAGE, new Map([['c', 'new c']]));
  expect(merged).toContain('<!-- /b -->\n\n<!-- c -->\nnew c\n<!-- /c -->\n\n## Remarks\n\nBy hand.\n');
  expect(merged).toContain('old a');
});

test('a page without a place for it is not written over', () => {
  expect(() => mergeReport('something else', new Map([['a', 'new a']]))).toThrow('the heading "## Remarks"');
});

test('the page of the repository has a part for every group, and a place for remarks', () => {
  const page = readFileSync(new URL('README.md', import.meta.url), 'utf8');
  for (const group of GROUPS) expect(mergeReport(page, new Map([[group, 'measured anew']]))).toContain(`<!-- ${group} -->\nmeasured anew\n<!-- /${group} -->`);
  expect(page).toContain('\n## Remarks\n');
});
