/** MediaMTX: RTMP in, WHEP out. Measured only where `MEDIAMTX_BIN` names its program. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child, run } from '../../e2e/harness/child.ts';
import { TemporaryFolder } from '../../e2e/harness/folder.ts';
import { freePort } from '../../e2e/harness/free-port.ts';
import { freeUdpPort } from '../../e2e/harness/free-udp-port.ts';
import { publishPictures } from '../source.ts';
import { listening } from './listening.ts';
import type { RtcServer, RtcServerKind } from './rtc-server.ts';

/** @param program its path. */
export function mediamtx(program: string): RtcServerKind {
  return {
    name: 'MediaMTX',
    from: 'RTMP',
    async start(): Promise<RtcServer> {
      const folder = new TemporaryFolder();
      const [rtmpPort, httpPort, mediaPort] = [await freePort(), await freePort(), await freeUdpPort()];
      const configFile = join(folder.path, 'mediamtx.yml');
      writeFileSync(configFile, config(rtmpPort, httpPort, mediaPort));
      const child = new Child(program, [configFile]);
      await listening(httpPort, child);
      return {
        version: (await run(program, ['--version'])).stdout.trim(),
        pid: child.pid,
        join: { signalling: 'whep', url: `http://127.0.0.1:${httpPort}/bench/whep` },
        publish: (source) => publishPictures(source, `rtmp://127.0.0.1:${rtmpPort}/bench`),
        isReady: async () => child.stdout.some((line) => line.includes("is publishing to path 'bench'")),
        async [Symbol.asyncDispose]() {
          await child.stop();
          folder[Symbol.dispose]();
        },
      };
    },
  };
}

/** Only what is measured is on. */
function config(rtmpPort: number, httpPort: number, mediaPort: number): string {
  return `
logLevel: info
rtsp: no
hls: no
srt: no
rtmp: yes
rtmpAddress: 127.0.0.1:${rtmpPort}
webrtc: yes
webrtcAddress: 127.0.0.1:${httpPort}
webrtcLocalUDPAddress: 127.0.0.1:${mediaPort}
webrtcIPsFromInterfaces: no
webrtcAdditionalHosts: [127.0.0.1]
paths:
  all_others:
`;
}
