/** The programs of other people that the tests use: found, or installed on Debian as root, or asked for in a sentence. */
import { readFileSync } from 'node:fs';
import { run } from './child.ts';

interface ToolEntry {
  /** Debian packages that bring it. */
  readonly packages: readonly string[];
  /** Ends with 0 when the tool is there. */
  readonly probe: readonly [string, ...string[]];
}

const TOOLS = {
  ffmpeg: { packages: ['ffmpeg'], probe: ['ffmpeg', '-version'] },
  ffprobe: { packages: ['ffmpeg'], probe: ['ffprobe', '-version'] },
  chromium: { packages: ['chromium', 'fonts-dejavu-core'], probe: ['/usr/bin/chromium', '--version'] },
  firefox: { packages: ['firefox-esr', 'fonts-dejavu-core'], probe: ['firefox-esr', '--version'] },
  gstreamer: {
    packages: ['gstreamer1.0-tools', 'gstreamer1.0-plugins-base', 'gstreamer1.0-plugins-good', 'gstreamer1.0-plugins-bad', 'gstreamer1.0-plugins-ugly', 'gstreamer1.0-libav'],
    // The probe names the rarest elements: rtmp2sink and rtmpsink (librtmp) of plugins-bad, x264enc of plugins-ugly.
    probe: ['sh', '-c', 'for e in rtmp2sink rtmpsink hlsdemux souphttpsrc flvmux avenc_aac x264enc avdec_h264; do gst-inspect-1.0 $e || exit 1; done'],
  },
  webrtcbin: {
    packages: [
      'python3-gi',
      'gir1.2-gstreamer-1.0',
      'gir1.2-gst-plugins-base-1.0',
      'gir1.2-gst-plugins-bad-1.0',
      'gstreamer1.0-nice',
      'gstreamer1.0-plugins-base',
      'gstreamer1.0-plugins-good',
      'gstreamer1.0-plugins-bad',
      'gstreamer1.0-plugins-ugly',
      'gstreamer1.0-libav',
    ],
    probe: [
      '/usr/bin/python3',
      '-c',
      "import gi; [gi.require_version(n, '1.0') for n in ('Gst', 'GstSdp', 'GstWebRTC')]; from gi.repository import Gst; Gst.init(None); assert all(Gst.ElementFactory.find(n) for n in ('webrtcbin', 'nicesrc', 'x264enc', 'vp8enc', 'opusenc', 'avdec_h264'))",
    ],
  },
  aiortc: { packages: ['python3', 'python3-aiortc'], probe: ['/usr/bin/python3', '-c', 'import aiortc'] },
  openssl: { packages: ['openssl'], probe: ['openssl', 'version'] },
  certutil: { packages: ['libnss3-tools'], probe: ['sh', '-c', 'command -v certutil'] },
  janus: { packages: ['janus'], probe: ['sh', '-c', 'command -v janus'] },
  wrk: { packages: ['wrk'], probe: ['sh', '-c', 'command -v wrk'] },
  'nginx-rtmp': { packages: ['nginx', 'libnginx-mod-rtmp'], probe: ['sh', '-c', 'command -v nginx && test -f /usr/lib/nginx/modules/ngx_rtmp_module.so'] },
} as const satisfies Record<string, ToolEntry>;

export type ToolName = keyof typeof TOOLS;

/** Makes sure that a tool works; the message of the failure says what to install. */
export async function ensureTool(name: ToolName): Promise<void> {
  const { probe, packages } = TOOLS[name];
  if (await works(probe)) return;
  if (!canInstall()) throw new Error(`${name} is not on this machine. Install it (on Debian: apt-get install ${packages.join(' ')}), then run the tests again.`);
  const installed = await installPackages(packages);
  if (!installed.ok || !(await works(probe))) throw new Error(`${name} could not be installed by apt-get (${packages.join(' ')}): ${installed.message}`);
}

/** True as root on a system with apt-get. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && isDebian();
}

async function installPackages(packages: readonly string[]): Promise<{ ok: boolean; message: string }> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () => run('apt-get', ['install', '-y', '--no-install-recommends', ...packages], { env, timeoutMs: 240_000 });
  let result = await install();
  if (result.code !== 0) {
    await run('apt-get', ['update'], { env, timeoutMs: 120_000 });
    result = await install();
  }
  return { ok: result.code === 0, message: result.stderr.slice(-500) };
}

async function works([command, ...args]: readonly [string, ...string[]]): Promise<boolean> {
  return (await run(command, args, { timeoutMs: 30_000 })).code === 0;
}

function isDebian(): boolean {
  try {
    return /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}
