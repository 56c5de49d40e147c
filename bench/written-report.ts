/**
 * bench/README.md as a page in parts: each group's part is written by the run that measured it, everything else, the remarks
 * above all, is people's and stays. A part lies between `<!-- group -->` and `<!-- /group -->`.
 */

/** The page with these parts in place of those of the same name; new parts come before the remarks. */
export function mergeReport(page: string, parts: ReadonlyMap<string, string>): string {
  let merged = page;
  for (const [name, text] of parts) {
    const part = `${opening(name)}\n${text.trim()}\n${closing(name)}`;
    const begin = merged.indexOf(opening(name));
    const end = merged.indexOf(closing(name), begin);
    if (begin >= 0 && end >= 0) {
      merged = merged.slice(0, begin) + part + merged.slice(end + closing(name).length);
      continue;
    }
    const place = merged.indexOf(REMARKS);
    if (place < 0) throw new Error(`the page has neither a part ${name} nor the heading "${REMARKS}"`);
    merged = `${merged.slice(0, place)}${part}\n\n${merged.slice(place)}`;
  }
  return merged;
}

const REMARKS = '## Remarks';

function opening(name: string): string {
  return `<!-- ${name} -->`;
}

function closing(name: string): string {
  return `<!-- /${name} -->`;
}
