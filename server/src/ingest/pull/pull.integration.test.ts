/** Real servers are fetched from; what reaches the hub is looked at. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ensureTool } from '../../../../tools/test-tools.ts';
import { AppError } from '../../lib/app-error.ts';
import { systemClock } from '../../lib/clock.ts';
import { PublicAddresses } from '../../lib/public-address.ts';
import { quietLog } from '../../lib/testing/quiet-log.ts';
import { Hub } from '../../stream/hub.ts';
import { RecordingSink } from '../../stream/testing/source.ts';
import { freeUdpPort, Program } from '../../transports/ffmpeg/testing/tools.ts';
import { PullIngest } from './pull-ingest.ts';
import type { PullSource } from './source.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'millrace-pull-'));

beforeAll(async () => {
  const input = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-t', '2'];
  const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '30', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  await run('ffmpeg', ['-v', 'error', ...input, ...encode, join(folder, 'loop.mp4')]);
  await run('ffmpeg', ['-v', 'error', '-stream_loop', '60', '-i', join(folder, 'loop.mp4'), '-c', 'copy', join(folder, 'long.ts')]);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** A hub with one stream `a` that is fetched. */
class Stand implements Disposable {
  readonly sinks: RecordingSink[] = [];
  readonly log = quietLog();
  readonly hub: Hub;
  readonly pull: PullIngest;
  isWatched = false;
  source: PullSource | undefined;

  constructor(
    url: string,
    { mode = 'always', allowPrivate = true, forbidden = '' }: { readonly mode?: PullSource['mode']; readonly allowPrivate?: boolean; readonly forbidden?: string } = {},
  ) {
    this.source = { streamId: 'a', url, mode };
    let ids = 0;
    const addresses = new PublicAddresses({ allowPrivate, isOwnAddress: () => false });
    this.hub = new Hub({
      clock: systemClock,
      reconnectGraceMs: 60_000,
      listener: { broadcastChanged: () => {} },
      newId: () => `id${++ids}`,
      makeSinks: () => {
        const sink = new RecordingSink();
        this.sinks.push(sink);
        return [sink];
      },
    });
    this.pull = new PullIngest({
      hub: this.hub,
      clock: systemClock,
      log: this.log,
      addresses: {
        lookup: addresses.lookup,
        async resolvePublic(host, signal) {
          if (host === forbidden) throw new AppError('address_not_allowed', { detail: `${host} is not allowed here.` });
          return addresses.resolvePublic(host, signal);
        },
      },
      mediaDir: folder,
      sources: { all: async () => (this.source ? [this.source] : []), of: async () => this.source, startOf: async () => 'auto' },
      isWatched: () => this.isWatched,
    });
  }

  get told() {
    return this.sinks.flatMap((sink) => sink.told);
  }

  get formats() {
    return this.told.flatMap((item) => (item.type === 'tracks' ? [item.tracks] : []));
  }

  of(track: number) {
    return this.told.flatMap((item) => (item.type === 'unit' && item.unit.track === track ? [item.unit] : []));
  }

  async until(isSo: () => boolean): Promise<void> {
    await vi.waitFor(() => expect([isSo(), this.pull.status('a')]).toMatchObject([true, {}]), { timeout: 40_000, interval: 20 });
  }

  /** Waits until there are so many pictures and some sound. */
  async pictures(count: number): Promise<void> {
    await this.pull.start();
    await this.until(() => this.of(1).length >= count && this.of(2).length > 20);
    expect(this.pull.status('a')).toEqual({ state: 'running', error: null, retryAt: null });
  }

  [Symbol.dispose](): void {
    this.pull.close();
    for (const stream of [...this.hub.running()]) stream.end('server_stopped');
  }
}

const H264_AAC = [
  { kind: 'video', codec: 'h264', width: 320, height: 180, timescale: 90_000 },
  { kind: 'audio', codec: 'aac' },
];

describe('a file in a loop', () => {
  test('goes on without a gap where it begins again', async () => {
    using stand = new Stand('file:loop.mp4');
    await stand.pictures(150);
    expect(stand.formats).toMatchObject([H264_AAC]);
    const times = stand.of(1).map(({ dts }) => dts);
    const steps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(Math.max(...steps)).toBeLessThanOrEqual(6_000);
    expect(Math.min(...steps)).toBeGreaterThan(0);
    expect(stand.of(1).filter(({ key }) => key).length).toBeGreaterThanOrEqual(5);
    expect(stand.of(1).some(({ pts, dts }) => pts > dts)).toBe(true);
    expect(stand.hub.get('a')?.counters).toMatchObject({ discontinuities: 0, jumps: 0, droppedUnits: 0 });
  });

  test('whose process is killed goes on in the same broadcast, behind a discontinuity', async () => {
    using stand = new Stand('file:loop.mp4');
    await stand.pictures(30);
    const { broadcastId } = stand.hub.get('a')?.broadcast ?? {};
    const { stdout } = await run('pgrep', ['-P', String(process.pid), '-f', 'transports/ffmpeg/worker']);
    process.kill(Number(stdout.trim()), 'SIGKILL');
    await stand.until(() => stand.pull.status('a').state === 'waiting');
    expect(stand.pull.status('a').error).toMatch(/its process is gone, exit SIGKILL/);
    await stand.until(() => stand.pull.status('a').state === 'running');
    expect(stand.hub.get('a')?.broadcast).toMatchObject({ broadcastId, state: 'live' });
    expect(stand.hub.get('a')?.counters.discontinuities).toBe(1);
  });

  test('outside of the folder is not read', async () => {
    using stand = new Stand('file:../../etc/hostname');
    await stand.pull.start();
    await stand.until(() => stand.pull.status('a').state === 'waiting');
    expect(stand.pull.status('a').error).toBe('There is no file named ../../etc/hostname in the server’s media folder.');
  });
});

describe('a server', () => {
  test('of RTSP is fetched by TCP', async () => {
    await ensureTool('gst-rtsp-server');
    using server = rtspServer();
    using stand = new Stand(`rtsp://127.0.0.1:${await server.firstLine()}/camera`);
    await stand.pictures(60);
    expect(stand.formats.at(-1)).toMatchObject(H264_AAC);
    expect(stand.of(1)[0]?.key).toBe(true);
  });

  test('of SRT is fetched, and again when it comes back', async () => {
    const port = await freeUdpPort();
    const serve = () => new Program('ffmpeg', ['-v', 'error', '-re', '-i', join(folder, 'long.ts'), '-c', 'copy', '-f', 'mpegts', `srt://127.0.0.1:${port}?mode=listener`]);
    using stand = new Stand(`srt://127.0.0.1:${port}`);
    using first = serve();
    await stand.pictures(30);
    expect(stand.formats.at(-1)).toMatchObject(H264_AAC);
    await first.stop();
    await stand.until(() => stand.pull.status('a').state === 'waiting');
    const before = stand.of(1).length;
    using _second = serve();
    await stand.until(() => stand.of(1).length > before + 30);
    expect(stand.hub.get('a')?.broadcast.state).toBe('live');
  });

  test('of MPEG-TS over HTTP is fetched in its own time', async () => {
    const server = createServer((_, response) => {
      const source = new Program('ffmpeg', ['-v', 'error', '-i', join(folder, 'long.ts'), '-c', 'copy', '-f', 'mpegts', '-']);
      response.on('close', () => source[Symbol.dispose]());
      response.writeHead(200, { 'content-type': 'video/mp2t' });
      source.pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      using stand = new Stand(`http://127.0.0.1:${portOf(server.address())}/live.ts`);
      const began = performance.now();
      await stand.pictures(90);
      // Two minutes lie ready; three seconds of them take two and a half.
      expect(performance.now() - began).toBeGreaterThan(2_000);
      expect(stand.formats.at(-1)).toMatchObject(H264_AAC);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  test.each(['playlist', 'redirection'])('that names a forbidden address by %s leads nowhere', async (how) => {
    let asked = 0;
    const inner = createServer((_, response) => {
      asked++;
      response.end();
    });
    await new Promise<void>((resolve) => inner.listen(0, '127.0.0.2', resolve));
    const forbidden = `http://127.0.0.2:${portOf(inner.address())}/a.ts`;
    const outer = createServer((_, response) => {
      if (how === 'redirection') response.writeHead(302, { location: forbidden }).end();
      else response.end(`#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${forbidden}\n#EXT-X-ENDLIST\n`);
    });
    await new Promise<void>((resolve) => outer.listen(0, '127.0.0.1', resolve));
    using stand = new Stand(`http://127.0.0.1:${portOf(outer.address())}/live.m3u8`, { forbidden: '127.0.0.2' });
    await stand.pull.start();
    await stand.until(() => stand.pull.status('a').state === 'waiting');
    expect(stand.pull.status('a').error).toBe('127.0.0.2 is not allowed here.');
    expect(asked).toBe(0);
    inner.close();
    outer.close();
  });

  test('in a private network is not fetched from', async () => {
    using stand = new Stand('http://127.0.0.1:9/live.m3u8', { allowPrivate: false });
    await stand.pull.start();
    await stand.until(() => stand.pull.status('a').state === 'waiting');
    expect(stand.pull.status('a').error).toMatch(/is not on the open internet/);
  });

  test('that sends elsewhere by RTSP is not followed', async () => {
    const { createServer: createTcp } = await import('node:net');
    let elsewhere = 0;
    const inner = createTcp(() => elsewhere++);
    await new Promise<void>((resolve) => inner.listen(0, '127.0.0.1', resolve));
    const outer = createTcp((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(`RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: rtsp://127.0.0.1:${portOf(inner.address())}/x\r\n\r\n`));
    });
    await new Promise<void>((resolve) => outer.listen(0, '127.0.0.1', resolve));
    using stand = new Stand(`rtsp://127.0.0.1:${portOf(outer.address())}/x`);
    await stand.pull.start();
    await stand.until(() => stand.pull.status('a').state === 'waiting');
    expect(stand.pull.status('a').error).toBe('The source sends whoever asks it elsewhere, which is not followed.');
    expect(elsewhere).toBe(0);
    inner.close();
    outer.close();
  });
});

describe('a source on demand', () => {
  test('is fetched for the first who asks, who waits until it is there', async () => {
    using stand = new Stand('file:loop.mp4', { mode: 'on-demand' });
    await stand.pull.start();
    expect(stand.pull.status('a').state).toBe('idle');
    expect([...stand.hub.running()]).toEqual([]);
    const gate = stand.pull.waking({ check: () => 'allowed' }, true);
    const nobody = { token: undefined, cookie: undefined, authorization: undefined };
    expect(await gate.check('a', nobody)).toBe('allowed');
    expect(stand.hub.get('a')?.broadcast.state).toBe('live');
    expect(stand.pull.status('a').state).toBe('running');
    expect(gate.check('other', nobody)).toBe('allowed');
  });
});

describe('a publisher with the key', () => {
  test('comes first, and the source waits', async () => {
    using stand = new Stand('file:loop.mp4');
    await stand.pictures(10);
    const publication = stand.hub.publish({ streamId: 'a', start: 'auto', secondPublisher: 'takeover', publisher: { protocol: 'test', remoteAddress: '', onEvicted: () => {} } });
    expect(publication).toBeDefined();
    await stand.until(() => stand.pull.status('a').state === 'occupied');
    publication?.close('left');
    await stand.until(() => stand.pull.status('a').state === 'running');
  });
});

function rtspServer(): Program {
  const pipeline =
    '( videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=30/1 ! x264enc tune=zerolatency key-int-max=30 ! rtph264pay name=pay0 pt=96 audiotestsrc is-live=true ! avenc_aac ! rtpmp4gpay name=pay1 pt=97 )';
  const program = `
import gi
gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0')
from gi.repository import Gst, GstRtspServer, GLib
Gst.init(None)
server = GstRtspServer.RTSPServer(); server.set_service('0')
factory = GstRtspServer.RTSPMediaFactory(); factory.set_launch('${pipeline}'); factory.set_shared(True)
server.get_mount_points().add_factory('/camera', factory); server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
`;
  return new Program('/usr/bin/python3', ['-c', program]);
}

function portOf(address: string | AddressInfo | null): number {
  return typeof address === 'object' && address ? address.port : 0;
}
