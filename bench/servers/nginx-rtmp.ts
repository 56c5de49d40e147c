/** nginx with Debian's rtmp module, making HLS on disk with two-second fragments. One worker: one core. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child, run } from '../../e2e/harness/child.ts';
import { TemporaryFolder } from '../../e2e/harness/folder.ts';
import { freePort } from '../../e2e/harness/free-port.ts';
import { ensureTool } from '../../tools/test-tools.ts';
import type { BenchServer, BenchServerKind } from './bench-server.ts';
import { listening } from './listening.ts';

export const NGINX_RTMP = {
  name: 'nginx-rtmp',
  job: 'HLS, fragments of 2 s, on disk',
  async start(): Promise<BenchServer> {
    await ensureTool('nginx-rtmp');
    const folder = new TemporaryFolder();
    const [rtmpPort, httpPort] = [await freePort(), await freePort()];
    mkdirSync(join(folder.path, 'hls'));
    const configFile = join(folder.path, 'nginx.conf');
    writeFileSync(configFile, config(folder.path, rtmpPort, httpPort));
    const started = performance.now();
    const child = new Child('/usr/sbin/nginx', ['-c', configFile, '-p', folder.path]);
    await listening(rtmpPort, child);
    let streams = 0;
    return {
      name: 'nginx-rtmp',
      version: await version(),
      pid: child.pid,
      startMs: performance.now() - started,
      async addStream() {
        const name = `s${streams++}`;
        return { publishUrl: `rtmp://127.0.0.1:${rtmpPort}/live/${name}`, hlsUrl: `http://127.0.0.1:${httpPort}/hls/${name}.m3u8` };
      },
      async [Symbol.asyncDispose]() {
        await child.stop();
        folder[Symbol.dispose]();
      },
    };
  },
} as const satisfies BenchServerKind;

function config(folder: string, rtmpPort: number, httpPort: number): string {
  return `
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 8192; }
rtmp {
  access_log off;
  server {
    listen 127.0.0.1:${rtmpPort};
    application live { live on; hls on; hls_path ${folder}/hls; hls_fragment 2s; hls_playlist_length 20s; }
  }
}
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  sendfile on; tcp_nopush on; keepalive_requests 1000000;
  types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
  server {
    listen 127.0.0.1:${httpPort};
    location /hls/ { root ${folder}; add_header Cache-Control no-cache; add_header Access-Control-Allow-Origin *; }
  }
}
`;
}

async function version(): Promise<string> {
  const { stderr } = await run('/usr/sbin/nginx', ['-v']);
  return stderr.replace(/^.*nginx\//, '');
}
