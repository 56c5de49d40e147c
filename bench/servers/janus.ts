/** Janus with its streaming plugin: RTP in, the same RTP out to WebRTC viewers. Debian's package, its own configuration. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child, run } from '../../e2e/harness/child.ts';
import { TemporaryFolder } from '../../e2e/harness/folder.ts';
import { freePort } from '../../e2e/harness/free-port.ts';
import { freeUdpPort } from '../../e2e/harness/free-udp-port.ts';
import { ensureTool } from '../../tools/test-tools.ts';
import { publishRtp } from '../source.ts';
import { listening } from './listening.ts';
import type { RtcServer, RtcServerKind } from './rtc-server.ts';

const MOUNTPOINT = 1;

export const JANUS = {
  name: 'Janus',
  from: 'RTP',
  async start(): Promise<RtcServer> {
    await ensureTool('janus');
    const folder = new TemporaryFolder();
    const [apiPort, mediaPort] = [await freePort(), await freeUdpPort()];
    writeConfiguration(folder.path, apiPort, mediaPort);
    const child = new Child('janus', ['--configs-folder', folder.path, '--disable-colors', '--debug-level=3']);
    await listening(apiPort, child);
    return {
      version: await version(),
      pid: child.pid,
      join: { signalling: 'janus', url: `http://127.0.0.1:${apiPort}/janus?id=${MOUNTPOINT}` },
      publish: (source) => publishRtp(source, mediaPort),
      async [Symbol.asyncDispose]() {
        await child.stop();
        folder[Symbol.dispose]();
      },
    };
  },
} as const satisfies RtcServerKind;

function writeConfiguration(folder: string, apiPort: number, mediaPort: number): void {
  const empty = join(folder, 'nothing');
  mkdirSync(empty);
  const disabledPlugins = ['audiobridge', 'duktape', 'echotest', 'lua', 'nosip', 'recordplay', 'sip', 'textroom', 'videocall', 'videoroom', 'voicemail'];
  const disabledTransports = ['mqtt', 'nanomsg', 'pfunix', 'rabbitmq', 'websockets'];
  const files = {
    'janus.jcfg': `
general: { session_timeout = 0, events_folder = "${empty}", loggers_folder = "${empty}" }
nat: { ice_enforce_list = "lo", ice_lite = true }
plugins: { disable = "${disabledPlugins.map((name) => `libjanus_${name}.so`).join(',')}" }
transports: { disable = "${disabledTransports.map((name) => `libjanus_${name}.so`).join(',')}" }
`,
    'janus.transport.http.jcfg': `general: { http = true, port = ${apiPort}, ip = "127.0.0.1", base_path = "/janus" }\n`,
    'janus.plugin.streaming.jcfg': `
bench: {
  type = "rtp", id = ${MOUNTPOINT}
  media = ( { type = "video", mid = "v", port = ${mediaPort}, pt = 96, codec = "h264", fmtp = "profile-level-id=64001f;packetization-mode=1" } )
}
`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

async function version(): Promise<string> {
  const { stdout, stderr } = await run('janus', ['--version']);
  return /(\d+\.\d+\.\d+)/.exec(stdout + stderr)?.[1] ?? 'unknown';
}
