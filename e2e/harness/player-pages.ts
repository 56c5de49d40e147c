/** A tiny web server on its own origin with bare pages, one per player library, as other people embed streams. */
import { createReadStream, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { ROOT } from './folder.ts';

const require = createRequire(import.meta.url);

const FILES: Readonly<Record<string, { readonly path: string; readonly type: string }>> = {
  '/hls.html': { path: join(ROOT, 'e2e/pages/hls.html'), type: 'text/html' },
  '/dash.html': { path: join(ROOT, 'e2e/pages/dash.html'), type: 'text/html' },
  '/shaka.html': { path: join(ROOT, 'e2e/pages/shaka.html'), type: 'text/html' },
  '/whep.html': { path: join(ROOT, 'e2e/pages/whep.html'), type: 'text/html' },
  '/whip.html': { path: join(ROOT, 'e2e/pages/whip.html'), type: 'text/html' },
  '/clock-picture.js': { path: join(ROOT, 'e2e/harness/clock-picture.ts'), type: 'text/javascript' },
  '/report.js': { path: join(ROOT, 'e2e/pages/report.js'), type: 'text/javascript' },
  '/hls.js': { path: join(dirname(require.resolve('hls.js')), 'hls.min.js'), type: 'text/javascript' },
  '/dash.js': { path: join(ROOT, 'node_modules/dashjs/dist/modern/umd/dash.all.min.js'), type: 'text/javascript' },
  '/shaka.js': { path: join(ROOT, 'node_modules/shaka-player/dist/shaka-player.compiled.js'), type: 'text/javascript' },
};

export class PlayerPages implements AsyncDisposable {
  readonly #server: Server;
  readonly #port: number;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.#port = port;
  }

  static async open(): Promise<PlayerPages> {
    const server = createServer((request, response) => {
      const file = FILES[new URL(request.url ?? '/', 'http://localhost').pathname];
      if (!file) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { 'content-type': file.type });
      if (file.path.endsWith('.ts')) {
        response.end(stripTypeScriptTypes(readFileSync(file.path, 'utf8')));
        return;
      }
      createReadStream(file.path)
        .on('error', (error) => response.destroy(error))
        .pipe(response);
    });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a web server without a port');
    return new PlayerPages(server, address.port);
  }

  /** The page that plays `source` with this library, or by WHEP with none. */
  url(library: 'hls' | 'dash' | 'shaka' | 'whep', source: string): string {
    return `http://127.0.0.1:${this.#port}/${library}.html?src=${encodeURIComponent(source)}`;
  }

  /** The page that publishes the clock picture and a tone; its body's `data-state` tells how the connection does. */
  whipUrl({ url, token }: { readonly url: string; readonly token: string }): string {
    return `http://127.0.0.1:${this.#port}/whip.html?src=${encodeURIComponent(url)}&token=${encodeURIComponent(token)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
