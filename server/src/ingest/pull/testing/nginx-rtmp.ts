/** For tests: nginx with Debian’s rtmp module, with one stream in it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { vi } from 'vitest';
import { freeTcpPort, Program } from '../../../transports/ffmpeg/testing/tools.ts';

export interface NginxRtmp extends Disposable {
  readonly port: number;
  /** Of the stream: `rtmp://127.0.0.1:{port}/live/s`. */
  readonly path: '/live/s';
}

/** @param file what the stream is made of. */
export async function nginxRtmp(folder: string, file: string): Promise<NginxRtmp> {
  const port = await freeTcpPort();
  const place = join(folder, `nginx-${port}`);
  mkdirSync(place);
  const config = join(place, 'nginx.conf');
  writeFileSync(
    config,
    `load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off; worker_processes 1; pid ${place}/pid; error_log ${place}/error.log;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 64; }
rtmp { access_log off; server { listen 127.0.0.1:${port}; application live { live on; } } }
`,
  );
  const server = new Program('/usr/sbin/nginx', ['-c', config, '-p', place, '-e', join(place, 'error.log')]);
  await vi.waitFor(() => answers(port), { timeout: 20_000, interval: 50 });
  const encoder = new Program('ffmpeg', ['-v', 'error', '-re', '-i', file, '-c', 'copy', '-f', 'flv', `rtmp://127.0.0.1:${port}/live/s`]);
  return {
    port,
    path: '/live/s',
    [Symbol.dispose]() {
      encoder[Symbol.dispose]();
      // Its worker ends with it.
      void server.stop('SIGTERM');
    },
  };
}

function answers(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
