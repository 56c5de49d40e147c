/** Serves the built pages from memory: one HTML for every address, hashed assets for ever, compressed as the build left them. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { AppError } from '../lib/app-error.ts';
import { errorCodeOf } from '../lib/start-error.ts';
import { problemResponse } from './problem.ts';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.map': 'application/json',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

/** What the build puts behind the name of a file for the same file compressed. */
const GZIPPED = '.gz';

/** Addresses that the pages answer; any other shows the same HTML, which says that there is nothing, with status 404. */
const PAGE_PATHS = /^\/(?:|[wv]\/[^/]+|live(?:\/[^/]+)?|r\/[^/]+|devices|library|admin|settings|trust)\/?$/;

interface File {
  readonly type: string;
  readonly etag: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer | undefined;
  readonly immutable: boolean;
}

export class Pages {
  readonly #files: ReadonlyMap<string, File>;
  readonly #html: File;
  readonly #policy: string;

  private constructor(files: ReadonlyMap<string, File>, html: File) {
    this.#files = files;
    this.#html = html;
    this.#policy = contentSecurityPolicy(html.bytes.toString('utf8'));
  }

  /** Reads the folder that the build made; undefined where there is none. */
  static load(folder: string): Pages | undefined {
    const files = new Map<string, File>();
    const paths = new Set(filesBelow(folder));
    for (const path of paths) {
      if (path.endsWith(GZIPPED)) continue;
      const zipped = paths.has(path + GZIPPED) ? readFileSync(path + GZIPPED) : undefined;
      files.set(`/${relative(folder, path).split(sep).join('/')}`, readPageFile(path, zipped));
    }
    const html = files.get('/index.html');
    return html && new Pages(files, html);
  }

  respond(request: Request, method: string, path: string): Response {
    if (method !== 'GET' && method !== 'HEAD') return problemResponse(new AppError('method_not_allowed', { allow: ['GET', 'HEAD'] }));
    const file = this.#files.get(path);
    if (file && file !== this.#html) return this.#send(request, file, 200);
    if (PAGE_PATHS.test(path) || file) return this.#send(request, this.#html, 200);
    const wantsPage = request.headers.get('accept')?.includes('text/html') === true;
    return wantsPage ? this.#send(request, this.#html, 404) : problemResponse(new AppError('not_found'));
  }

  #send(request: Request, file: File, status: 200 | 404): Response {
    const headers = new Headers({
      'content-type': file.type,
      etag: file.etag,
      // HTML names the hashed assets, so it is asked for anew each time; the assets never change.
      'cache-control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
    if (file.type.startsWith('text/html')) headers.set('content-security-policy', this.#policy);
    if (file.gzipped) headers.set('vary', 'accept-encoding');
    if (status === 200 && request.headers.get('if-none-match') === file.etag) return new Response(null, { status: 304, headers });
    const zipped = file.gzipped && /\bgzip\b/.test(request.headers.get('accept-encoding') ?? '') ? file.gzipped : undefined;
    if (zipped) headers.set('content-encoding', 'gzip');
    const body = zipped ?? file.bytes;
    headers.set('content-length', String(body.length));
    return new Response(request.method === 'HEAD' ? null : new Uint8Array(body), { status, headers });
  }
}

/** Everything from here alone; media and workers of the player are blobs; the style library writes style elements. */
function contentSecurityPolicy(html: string): string {
  const inlineScripts = [...html.matchAll(/<script(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
    ([, script = '']) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  );
  return [
    "default-src 'self'",
    ["script-src 'self'", ...inlineScripts].join(' '),
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "worker-src 'self' blob:",
    "font-src 'self' data:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'self'",
  ].join('; ');
}

function filesBelow(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function readPageFile(path: string, gzipped: Buffer | undefined): File {
  const bytes = readFileSync(path);
  const extension = extname(path);
  return {
    type: MEDIA_TYPES[extension] ?? 'application/octet-stream',
    etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
    bytes,
    gzipped,
    // The build puts a hash of the content into every name below assets/.
    immutable: path.split(sep).includes('assets'),
  };
}
