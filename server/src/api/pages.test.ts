import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Pages } from './pages.ts';

const HTML = '<!doctype html><script>start()</script><script type="module" src="/assets/main-1a2b.js"></script>';
const SCRIPT = 'console.log("x");'.repeat(100);

let folder = '';
let pages: Pages | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-pages-'));
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'index.html'), HTML);
  await writeFile(join(folder, 'favicon.svg'), '<svg/>');
  await writeFile(join(folder, 'assets', 'main-1a2b.js'), SCRIPT);
  await writeFile(join(folder, 'assets', 'main-1a2b.js.gz'), gzipSync(SCRIPT));
  pages = Pages.load(folder);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Response {
  if (!pages) throw new Error('no pages');
  return pages.respond(new Request(`http://live.test${path}`, { method, headers }), method, path);
}

describe('the pages', () => {
  test.each(['/', '/w/ABC234', '/live', '/live/abc', '/r/ABC234', '/devices', '/library', '/admin', '/trust', '/index.html'])(
    '%s is the HTML, asked for anew each time',
    async (path) => {
      const response = get(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('no-cache');
      expect(await response.text()).toBe(HTML);
    },
  );

  test('the HTML may run its own scripts and no others', () => {
    const policy = get('/').headers.get('content-security-policy');
    expect(policy).toContain("script-src 'self' 'sha256-");
    expect(policy).toContain("default-src 'self'");
    expect(policy).not.toContain('unsafe-eval');
  });

  test('assets stay for ever and go out compressed to who takes it', async () => {
    const plain = get('/assets/main-1a2b.js');
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(plain.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(await plain.text()).toBe(SCRIPT);
    const zipped = get('/assets/main-1a2b.js', { 'accept-encoding': 'br, gzip' });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(Number(zipped.headers.get('content-length'))).toBeLessThan(SCRIPT.length / 4);
    expect(get('/favicon.svg').headers.get('cache-control')).toBe('no-cache');
  });

  test('what the browser has already is not sent again; HEAD sends nothing', async () => {
    const etag = get('/').headers.get('etag') ?? '';
    expect(get('/', { 'if-none-match': etag }).status).toBe(304);
    const head = get('/', {}, 'HEAD');
    expect(head.headers.get('content-length')).toBe(String(HTML.length));
    expect(await head.text()).toBe('');
  });

  test('an unknown address shows the page with 404 to a browser and a problem to a program', async () => {
    const page = get('/nowhere', { accept: 'text/html,*/*' });
    expect([page.status, await page.text()]).toEqual([404, HTML]);
    for (const path of ['/nowhere', '/assets/other.js', '/assets/main-1a2b.js.gz', '/../secrets', '/%2e%2e/secrets', '/assets', '/w/']) {
      const response = get(path);
      expect([path, response.status, response.headers.get('content-type')]).toEqual([path, 404, 'application/problem+json']);
    }
    expect(get('/', {}, 'POST').status).toBe(405);
  });

  test('a folder that the build has not made gives no pages', () => {
    expect(Pages.load(join(folder, 'missing'))).toBeUndefined();
  });
});
