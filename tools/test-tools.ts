/** The programs of other people that tests and bench use: found, or installed on Debian as root, or asked for in a sentence. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface ToolEntry {
  /** Debian packages that bring it. */
  readonly packages: readonly string[];
  /** Ends with 0 when the tool is there. */
  readonly probe: readonly [string, ...string[]];
  /** Not needed by `npm test`. */
  readonly forBench?: true;
}

/** Of one run of the package manager, waiting for another's end included. */
const INSTALL_TIMEOUT_MS = 900_000;
const LOCK_SECONDS = 600;
const PROBE_TIMEOUT_MS = 30_000;

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
  coturn: { packages: ['coturn'], probe: ['sh', '-c', 'command -v turnserver && command -v turnutils_uclient'] },
  pebble: { packages: ['pebble'], probe: ['sh', '-c', 'command -v pebble && command -v pebble-challtestsrv'] },
  postgresql: { packages: ['postgresql'], probe: ['sh', '-c', 'ls /usr/lib/postgresql/*/bin/postgres'] },
  swift: { packages: ['python3-swift'], probe: ['/usr/bin/python3', '-c', 'import swift'] },
  'srt-live-transmit': { packages: ['srt-tools'], probe: ['sh', '-c', 'command -v srt-live-transmit'] },
  'gst-rtsp-server': {
    packages: [
      'python3-gi',
      'glib-networking',
      'gir1.2-gst-rtsp-server-1.0',
      'gstreamer1.0-plugins-base',
      'gstreamer1.0-plugins-good',
      'gstreamer1.0-plugins-ugly',
      'gstreamer1.0-libav',
    ],
    probe: ['/usr/bin/python3', '-c', "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gio; assert Gio.TlsBackend.get_default().supports_tls()"],
  },
  // Vulkan in software.
  lavapipe: { packages: ['mesa-vulkan-drivers'], probe: ['sh', '-c', 'ls /usr/share/vulkan/icd.d/lvp_icd.*.json'] },
  janus: { packages: ['janus'], probe: ['sh', '-c', 'command -v janus'], forBench: true },
  wrk: { packages: ['wrk'], probe: ['sh', '-c', 'command -v wrk'], forBench: true },
  'nginx-rtmp': { packages: ['nginx', 'libnginx-mod-rtmp'], probe: ['sh', '-c', 'command -v nginx && test -f /usr/lib/nginx/modules/ngx_rtmp_module.so'] },
} as const satisfies Record<string, ToolEntry>;

export type ToolName = keyof typeof TOOLS;

/** Everything that `npm test` needs and that is missing, before the first test: no test's time goes into it, and no two install at once. */
export async function installTestTools(tell: (text: string) => void): Promise<void> {
  const needed = Object.entries<ToolEntry>(TOOLS).filter(([, tool]) => !tool.forBench);
  const found = await Promise.all(needed.map(([, tool]) => works(tool)));
  for (const [i, [name, tool]] of needed.entries()) {
    if (found[i] || !canInstall() || (await works(tool))) continue;
    tell(`installing ${name} for the tests …`);
    const failure = await install(tool);
    if (failure !== undefined) tell(`${name} could not be installed: ${failure}`);
  }
}

/** Makes sure that a tool works; the message of the failure says what to install. */
export async function ensureTool(name: ToolName): Promise<void> {
  const tool: ToolEntry = TOOLS[name];
  if (await works(tool)) return;
  const wanted = tool.packages.join(' ');
  if (!canInstall()) throw new Error(`${name} is not on this machine. Install it (on Debian: apt-get install ${wanted}), then run the tests again.`);
  const failure = await install(tool);
  if (failure !== undefined) throw new Error(`${name} could not be installed by apt-get (${wanted}): ${failure}`);
}

/** True as root on a system with apt-get. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && isDebian();
}

/** @returns why it is not there, undefined when it works. */
async function install(tool: ToolEntry): Promise<string | undefined> {
  const first = await aptGet('install', '-y', '--no-install-recommends', ...tool.packages);
  if (first !== undefined) {
    await aptGet('update');
    const second = await aptGet('install', '-y', '--no-install-recommends', ...tool.packages);
    if (second !== undefined) return second;
  }
  return (await works(tool)) ? undefined : 'it was installed but does not work';
}

async function aptGet(...args: readonly string[]): Promise<string | undefined> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return run('apt-get', ['-o', `DPkg::Lock::Timeout=${LOCK_SECONDS}`, ...args], { env, timeout: INSTALL_TIMEOUT_MS }).then(
    () => undefined,
    (error: unknown) => String(error).slice(-500),
  );
}

async function works({ probe: [command, ...args] }: ToolEntry): Promise<boolean> {
  return run(command, args, { timeout: PROBE_TIMEOUT_MS }).then(
    () => true,
    () => false,
  );
}

function isDebian(): boolean {
  try {
    return /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}
