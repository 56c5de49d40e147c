/** How the parts of the page are written: headings, tables, figures. */

/** Of a part of which nothing was measured. */
export function heading(title: string): string[] {
  return [`## ${title}`, ''];
}

/** A ratio. */
export function times(ratio: number): string {
  return `${fixed(ratio, 2)} ×`;
}

/** Blocks under a heading, with an empty line behind each. */
export function section(title: string, ...blocks: readonly string[]): string[] {
  return [`## ${title}`, '', ...blocks.flatMap((block) => [block, ''])];
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** With so many digits behind the point, and thousands apart. */
export function fixed(value: number, digits: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }).replaceAll(',', ' ');
}
