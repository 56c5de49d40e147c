/** What browsers ask of the pages before they offer to install them, read from the files that are served. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

interface Icon {
  readonly src: string;
  readonly sizes: string;
  readonly type: string;
  readonly purpose?: string;
}

const WEB = join(import.meta.dirname, '..', 'web');
const PUBLIC = join(WEB, 'public');

const manifest: { readonly icons: readonly Icon[]; readonly [name: string]: unknown } = JSON.parse(readFileSync(join(PUBLIC, 'manifest.webmanifest'), 'utf8'));

test('the manifest is linked, begins at home by itself, and has icons of every size that browsers and phones ask for', () => {
  expect(readFileSync(join(WEB, 'index.html'), 'utf8')).toContain('<link rel="manifest" href="/manifest.webmanifest" />');
  expect(manifest).toMatchObject({ name: 'Millrace', short_name: 'Millrace', id: '/', start_url: '/', scope: '/', display: 'standalone' });
  const sizes = manifest.icons.map(({ sizes, purpose = 'any' }) => `${sizes} ${purpose}`);
  expect(sizes).toEqual(expect.arrayContaining(['192x192 any', '512x512 any', '512x512 maskable']));
});

test.each(manifest.icons)('$src is what the manifest says', ({ src, sizes, type }) => {
  const bytes = readFileSync(join(PUBLIC, src));
  if (type === 'image/svg+xml') expect(bytes.toString('utf8')).toMatch(/^<svg[ >]/);
  // ISO 15948 §11.2.2: the size stands behind the signature and the name of the first chunk.
  else expect([bytes.subarray(1, 4).toString(), `${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`, type]).toEqual(['PNG', sizes, 'image/png']);
});
