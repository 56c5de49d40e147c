/** The pages of examples/ against the client as it is: what they import is there under its name, and they stay as short as they say. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const EXAMPLES = join(import.meta.dirname, '..', 'examples');

test.each(readdirSync(EXAMPLES).filter((name) => name.endsWith('.html')))('%s imports what the client has', async (name) => {
  const page = readFileSync(join(EXAMPLES, name), 'utf8');
  const imports = [...page.matchAll(/import \{ ([^}]+) \} from '([^']+)'/g)];
  expect(imports.length).toBeGreaterThan(2);
  for (const [, names = '', from = ''] of imports) expect(Object.keys(await import(from))).toEqual(expect.arrayContaining(names.split(', ')));
  for (const [, from = ''] of page.matchAll(/import\('([^']+)'\)/g)) expect(await import(from)).toHaveProperty('default');
  expect(page.trimEnd().split('\n').length).toBeLessThanOrEqual(25);
});
