/** A real encoder publishes to one server, which forwards to another: what arrives there is compared with what was sent. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Unit } from '@millrace/media/unit';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ensureTool } from '../../../../tools/test-tools.ts';
import { BenchStand } from '../../ingest/rtmp/testing/bench-stand.ts';
import { systemClock } from '../../lib/clock.ts';
import { PublicAddresses } from '../../lib/public-address.ts';
import { quietLog } from '../../lib/testing/quiet-log.ts';
import { selfSigned } from '../../lib/testing/self-signed.ts';
import { Bridges } from '../../transcode/bridges.ts';
import { WorkerPool } from '../../transcode/pool.ts';
import { encodeIvf, goLive, VP8 } from '../../transcode/testing/media.ts';
import { MediaProcesses } from '../../transports/ffmpeg/media-processes.ts';
import { freeUdpPort, Program } from '../../transports/ffmpeg/testing/tools.ts';
import { encodeMedia } from '../cmaf/testing/encoded-media.ts';
import { PushOutput } from './push-output.ts';
import { rtmpSenders } from './rtmp-sender.ts';
import { srtSenders } from './srt-sender.ts';
import type { PushTarget } from './target.ts';

const run = promisify(execFile);

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const PICTURE = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-pix_fmt', 'yuv420p', '-g', '30'];
const AAC = ['-c:a', 'aac'];

function publish(url: string, seconds = 60): ChildProcess {
  const child = spawn('ffmpeg', ['-v', 'error', ...PICTURE, ...H264, ...AAC, '-t', String(seconds), '-f', 'flv', url], { stdio: 'ignore' });
  children.push(child);
  return child;
}

function targetAt(port: number, id: string, key: string, protocol: PushTarget['protocol'] = 'rtmp'): PushTarget {
  return { id, protocol, host: '127.0.0.1', port, app: 'live', key, passphrase: '' };
}

/** A server that an encoder publishes to under `key-a` and that forwards it. */
class Origin implements AsyncDisposable {
  readonly stand = new BenchStand();
  readonly log = quietLog();
  readonly push: PushOutput;
  targets: readonly PushTarget[];
  readonly #pool = new WorkerPool({ clock: systemClock, log: this.log, maxWorkers: 1 });
  readonly #bridges = new Bridges({ pool: this.#pool, clock: systemClock, log: this.log });

  constructor(targets: readonly PushTarget[], { allowPrivate = true, ca }: { readonly allowPrivate?: boolean; readonly ca?: string } = {}) {
    this.targets = targets;
    const addresses = new PublicAddresses({ allowPrivate, isOwnAddress: () => false });
    const processes = new MediaProcesses({ max: 2 });
    const rtmp = rtmpSenders({ addresses, clock: systemClock, ...(ca !== undefined && { ca }) });
    this.push = new PushOutput({
      hub: this.stand.hub,
      bridges: this.#bridges,
      senders: { rtmp, rtmps: rtmp, srt: srtSenders({ addresses, clock: systemClock, processes }) },
      clock: systemClock,
      log: this.log,
      targetsOf: async () => this.targets,
    });
  }

  async live(): Promise<void> {
    await this.stand.start();
    publish(this.stand.url('key-a'));
    await this.stand.untilState('a', 'live');
    for (const { broadcast } of this.stand.hub.running()) this.push.broadcastChanged(broadcast);
  }

  async untilState(id: string, state: string): Promise<void> {
    await vi.waitFor(() => expect(this.push.status(id).state).toBe(state), { timeout: 30_000, interval: 20 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.push.close();
    this.#bridges.close();
    this.#pool.close();
    await this.stand[Symbol.asyncDispose]();
  }
}

async function receiver(): Promise<BenchStand> {
  const stand = new BenchStand();
  await stand.start();
  return stand;
}

/** The units that both have, by their bytes. */
function sameUnits(sent: readonly Unit[], received: readonly Unit[]): [Unit, Unit][] {
  const byBytes = new Map(sent.map((unit) => [Buffer.from(unit.data).toString('base64'), unit]));
  return received.flatMap((unit): [Unit, Unit][] => {
    const original = byBytes.get(Buffer.from(unit.data).toString('base64'));
    return original ? [[original, unit]] : [];
  });
}

describe('forwarding by RTMP', () => {
  test('brings every picture and sound as it was, B-frames in their order', async () => {
    await using there = await receiver();
    await using origin = new Origin([targetAt(there.port, 't', 'key-b')]);
    await origin.live();
    const received = await there.until('b', (sink) => sink.of('video').length >= 90 && sink.of('audio').length >= 90);
    expect(received.formats).toHaveLength(1);
    const sent = origin.stand.sinks.get('a');
    if (!sent) throw new Error('nothing was published');
    expect(received.track('video')).toMatchObject({ codec: 'h264', width: 320, height: 180, config: sent.track('video')?.config });
    expect(received.track('audio')).toMatchObject({ codec: 'aac', sampleRate: 48_000, config: sent.track('audio')?.config });
    for (const kind of ['video', 'audio'] as const) {
      const pairs = sameUnits(sent.of(kind), received.of(kind));
      expect(pairs.length).toBe(received.of(kind).length);
      const timescale = sent.track(kind)?.timescale ?? 1;
      const [first] = pairs;
      for (const [original, arrived] of pairs) {
        // RTMP counts milliseconds.
        expect(Math.abs(arrived.pts - arrived.dts - (original.pts - original.dts))).toBeLessThanOrEqual(timescale / 500);
        expect(Math.abs(arrived.dts - original.dts - ((first?.[1].dts ?? 0) - (first?.[0].dts ?? 0)))).toBeLessThanOrEqual(timescale / 100);
        expect(arrived.key).toBe(original.key);
      }
    }
    expect(received.of('video').some((unit) => unit.pts > unit.dts)).toBe(true);
    expect(origin.push.status('t')).toMatchObject({ state: 'forwarding', error: null, droppedUnits: 0 });
    expect(origin.push.counters.forwarding).toBe(1);
  });

  test('converts what the container has no place for', async () => {
    await using there = await receiver();
    await using origin = new Origin([targetAt(there.port, 't', 'key-b')]);
    const pictures = await encodeIvf('testsrc2=size=320x180:rate=15:duration=4', ['-c:v', 'libvpx', '-deadline', 'realtime', '-g', '15'], VP8);
    const { stream, publication } = goLive(origin.stand.hub, 'a', [VP8]);
    origin.push.broadcastChanged(stream.broadcast);
    await origin.untilState('t', 'connecting');
    for (const unit of pictures) publication.unit(unit, stream.broadcast.createdAt + (unit.dts / VP8.timescale) * 1000);
    const received = await there.until('b', (sink) => sink.of('video').length >= 30);
    expect(received.track('video')).toMatchObject({ codec: 'h264', width: 320, height: 180 });
    expect(received.of('video')[0]?.key).toBe(true);
  });

  test('is encrypted by RTMPS, and only to whom the certificate names', async () => {
    const pair = await selfSigned({ name: 'localhost', altNames: 'DNS:localhost' });
    await using there = new BenchStand({ tls: pair });
    await there.start();
    const target = { ...targetAt(there.port, 'named', 'key-b', 'rtmps'), host: 'localhost' };
    await using origin = new Origin([target, { ...target, id: 'other', host: '127.0.0.1' }], { ca: pair.cert });
    await origin.live();
    await there.until('b', (sink) => sink.of('video').length >= 10);
    await origin.untilState('other', 'waiting');
    expect(origin.push.status('other').error).toMatch(/^No secure connection to 127\.0\.0\.1:\d+ could be made \(ERR_TLS_CERT_ALTNAME_INVALID\)\.$/);
    await using careful = new Origin([target]);
    await careful.live();
    await careful.untilState('named', 'waiting');
    expect(careful.push.status('named').error).toContain('No secure connection');
  });

  test('leaves groups of pictures out for a target that takes nothing, and none for others', async () => {
    await using there = await receiver();
    const stuck = await listening((socket) => {
      const onward = connect(there.port, '127.0.0.1');
      onward.pipe(socket);
      socket.pipe(onward);
      for (const each of [socket, onward]) each.on('error', () => {});
      // The publish and the first picture pass, and then nothing.
      let passed = 0;
      socket.on('data', (bytes: Buffer) => {
        passed += bytes.length;
        if (passed > 100_000) socket.unpipe(onward).pause();
      });
    });
    await using origin = new Origin([targetAt(there.port, 'good', 'key-b'), targetAt(stuck.port, 'stuck', 'key-c')]);
    const { tracks, units } = await encodeMedia({
      video: { source: 'testsrc2=size=640x360:rate=30:duration=6', args: ['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '0', '-g', '15'] },
    });
    const { stream, publication } = goLive(origin.stand.hub, 'a', tracks);
    origin.push.broadcastChanged(stream.broadcast);
    const timescale = tracks[0]?.timescale ?? 1;
    let sent = 0;
    const publishUpTo = (count: number) => {
      for (; sent < count; sent++) {
        const unit = units[sent % units.length];
        const at = sent * (timescale / 30);
        if (unit) publication.unit({ ...unit, dts: at, pts: at }, stream.broadcast.createdAt + (sent * 1000) / 30);
      }
    };
    publishUpTo(15);
    await origin.untilState('stuck', 'forwarding');
    // As fast as the good one takes it.
    for (let count = 30; origin.push.status('stuck').droppedUnits === 0 && count < 6_000; count += 15) {
      publishUpTo(count);
      await there.until('b', (sink) => sink.of('video').length >= count - 30);
    }
    expect(origin.push.status('stuck').droppedUnits).toBeGreaterThan(100);
    expect(origin.push.status('good')).toMatchObject({ state: 'forwarding', droppedUnits: 0 });
    stuck.server.close();
  });

  test('ends with the broadcast, and says goodbye', async () => {
    await using there = await receiver();
    await using origin = new Origin([targetAt(there.port, 't', 'key-b')]);
    await origin.live();
    await there.until('b', (sink) => sink.units.length > 30);
    origin.stand.hub.stop('a', 'stopped');
    await there.until('b', (sink) => sink.pauses > 0);
    await there.untilLogged('connection over');
    expect(there.lines.find(({ message }) => message === 'connection over')?.fields).toMatchObject({ how: 'left' });
    await origin.untilState('t', 'idle');
  });

  test('goes on beside a target that is dead, and finds it when it comes back', async () => {
    await using there = await receiver();
    const silent = await listening((socket) => socket.on('error', () => {}));
    await using origin = new Origin([targetAt(there.port, 'good', 'key-b'), targetAt(await closedPort(), 'dead', 'key-c'), targetAt(silent.port, 'silent', 'key-d')]);
    await origin.live();
    await there.until('b', (sink) => sink.of('video').length >= 60);
    await origin.untilState('dead', 'waiting');
    expect(origin.push.status('dead').error).toMatch(/^Nothing takes connections at 127\.0\.0\.1:\d+\.$/);
    expect(origin.push.status('silent').state).toBe('connecting');
    expect(origin.push.status('good')).toMatchObject({ state: 'forwarding', droppedUnits: 0 });
    await using late = await receiver();
    origin.targets = origin.targets.map((target) => (target.id === 'dead' ? { ...target, port: late.port } : target));
    origin.push.targetsChanged('a');
    await late.until('c', (sink) => sink.of('video').length >= 10);
    expect(there.sinks.get('b')?.formats).toHaveLength(1);
    silent.server.close();
  });

  test('begins anew when the connection is cut', async () => {
    await using there = await receiver();
    const cuts: Socket[] = [];
    const proxy = await listening((socket) => {
      const onward = connect(there.port, '127.0.0.1');
      cuts.push(socket, onward);
      socket.pipe(onward).pipe(socket);
      for (const each of [socket, onward]) each.on('error', () => {});
    });
    await using origin = new Origin([targetAt(proxy.port, 't', 'key-b')]);
    await origin.live();
    await there.until('b', (sink) => sink.units.length > 30);
    for (const socket of cuts.splice(0)) socket.destroy();
    await there.until('b', (sink) => sink.pauses > 0);
    await there.until('b', (sink) => sink.formats.length > 1 && (sink.units.at(-1)?.dts ?? 0) > 0);
    await origin.untilState('t', 'forwarding');
    expect(origin.log.lines.filter(({ message }) => message === 'forwarding failed')).toMatchObject([
      { fields: { reason: 'The service closed the connection.', failures: 1, retryMs: 1_000 } },
    ]);
    proxy.server.close();
  });

  test('tells what a service says that refuses, but never the key', async () => {
    await using there = await receiver();
    await using origin = new Origin([targetAt(there.port, 't', 'wrong-secret')]);
    await origin.live();
    await origin.untilState('t', 'refused');
    expect(origin.push.status('t').error).toBe('The service refused the broadcast: This stream key is not known.');
    expect(JSON.stringify(origin.log.lines)).not.toContain('wrong-secret');
  });

  test('calls no private address unless the operator allows it', async () => {
    await using there = await receiver();
    await using origin = new Origin([targetAt(there.port, 't', 'key-b'), { ...targetAt(there.port, 'n', 'key-b'), host: 'localhost' }], { allowPrivate: false });
    await origin.live();
    for (const id of ['t', 'n']) {
      await origin.untilState(id, 'refused');
      expect(origin.push.status(id).error).toMatch(/is not on the open internet/);
    }
    expect(there.broadcasts).toEqual([]);
  });
});

describe('forwarding by SRT', () => {
  test('reaches a listener as MPEG-TS, and comes back when the listener does', async () => {
    await ensureTool('srt-live-transmit');
    const port = await freeUdpPort();
    const listen = () => new Program('srt-live-transmit', ['-q', `srt://127.0.0.1:${port}?mode=listener`, 'file://con']);
    await using origin = new Origin([{ ...targetAt(port, 't', 'publish:x', 'srt'), app: '' }]);
    await origin.live();
    await origin.untilState('t', 'waiting');
    expect(origin.push.status('t').error).toBe(`The connection to 127.0.0.1:${port} could not be made, or was lost.`);
    using first = listen();
    await vi.waitFor(() => expect(first.output.length).toBeGreaterThan(250_000), { timeout: 40_000 });
    expect(origin.push.status('t')).toMatchObject({ state: 'forwarding', error: null });
    expect(origin.push.status('t').bytesSent).toBeGreaterThan(50_000);
    await first.stop();
    const pictures = await probed(first.output);
    expect(pictures.codecs).toEqual(['aac', 'h264']);
    // Without gaps, but for the end that was cut off, and with B-frames between.
    const whole = pictures.pts.slice(0, -8);
    const times = whole.toSorted((a, b) => a - b);
    expect(times.length).toBeGreaterThan(30);
    expect(Math.max(...times.slice(1, -8).map((time, i) => time - (times[i] ?? 0)))).toBeLessThan(0.04);
    expect(whole).not.toEqual(times);
    using second = listen();
    await vi.waitFor(() => expect(second.output.length).toBeGreaterThan(50_000), { timeout: 60_000 });
  });
});

/** What ffprobe sees in a stream of MPEG-TS: the codecs, and the display times of the pictures in the order of their packets. */
async function probed(bytes: Uint8Array): Promise<{ readonly codecs: readonly string[]; readonly pts: readonly number[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-srt-'));
  try {
    const file = join(folder, 'received.ts');
    await writeFile(file, bytes);
    const probe = (...args: readonly string[]) => run('ffprobe', ['-v', 'error', ...args, '-of', 'csv=p=0', file]).then(({ stdout }) => stdout.trim().split('\n'));
    const codecs = new Set((await probe('-show_entries', 'stream=codec_name')).map((line) => line.trim()).filter((line) => line !== ''));
    const pts = (await probe('-select_streams', 'v', '-show_entries', 'packet=pts_time')).map(Number.parseFloat).filter((time) => !Number.isNaN(time));
    return { codecs: [...codecs].sort(), pts };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function listening(onSocket: (socket: Socket) => void): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(onSocket);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : 0 };
}

async function closedPort(): Promise<number> {
  const { server, port } = await listening(() => {});
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
