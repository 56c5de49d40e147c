/** node-media-server: RTMP in, RTMP and HTTP-FLV out, no packaging. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Child } from '../../e2e/harness/child.ts';
import { TemporaryFolder } from '../../e2e/harness/folder.ts';
import { freePort } from '../../e2e/harness/free-port.ts';
import type { BenchServer, BenchServerKind } from './bench-server.ts';
import { listening } from './listening.ts';

const require = createRequire(import.meta.url);

export const NODE_MEDIA_SERVER = {
  name: 'node-media-server',
  job: 'nothing: it keeps the stream for RTMP and HTTP-FLV players',
  async start(): Promise<BenchServer> {
    const folder = new TemporaryFolder();
    const [rtmpPort, httpPort] = [await freePort(), await freePort()];
    const packageFile = require.resolve('node-media-server/package.json');
    const configFile = join(folder.path, 'config.json');
    mkdirSync(join(folder.path, 'data'));
    writeFileSync(configFile, JSON.stringify(config(folder.path, rtmpPort, httpPort)));
    const started = performance.now();
    const child = new Child(process.execPath, [join(dirname(packageFile), 'bin/app.js'), '--config', configFile, '--no-admin'], { cwd: folder.path });
    await listening(rtmpPort, child);
    let streams = 0;
    return {
      name: 'node-media-server',
      version: JSON.parse(readFileSync(packageFile, 'utf8')).version,
      pid: child.pid,
      startMs: performance.now() - started,
      async addStream() {
        return { publishUrl: `rtmp://127.0.0.1:${rtmpPort}/live/s${streams++}` };
      },
      async [Symbol.asyncDispose]() {
        await child.stop();
        folder[Symbol.dispose]();
      },
    };
  },
} as const satisfies BenchServerKind;

function config(folder: string, rtmpPort: number, httpPort: number): object {
  return {
    bind: '127.0.0.1',
    notify: { url: '' },
    store: { path: join(folder, 'data'), maxHistory: 100 },
    auth: {
      play: false,
      publish: false,
      secret: 'bench',
      jwt: { secret: 'bench', expiresIn: '24h', refreshExpiresIn: '7d', algorithm: 'HS256', users: [{ username: 'admin', password: 'bench', role: 'admin' }] },
    },
    rtmp: { port: rtmpPort },
    http: { port: httpPort },
    record: { auto: false, path: join(folder, 'record') },
  };
}
