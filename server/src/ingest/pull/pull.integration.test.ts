/** Real servers are fetched from; what reaches the hub is looked at. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureTool } from '../../../../tools/test-tools.ts';
import { FakeClock } from '../../lib/clock.ts';
import { freeUdpPort, Program } from '../../transports/ffmpeg/testing/tools.ts';
import { camera } from './testing/camera.ts';
import { encodeLoop, H264_AAC, PullStand, portOf } from './testing/pull-stand.ts';

const NOBODY = { token: undefined, cookie: undefined, authorization: undefined };

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'millrace-pull-'));

beforeAll(async () => {
  await encodeLoop(folder);
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('a file in a loop', () => {
  test('goes on without a gap where it begins again', async () => {
    using stand = new PullStand('file:loop.mp4', { mediaDir: folder });
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
    using stand = new PullStand('file:loop.mp4', { mediaDir: folder });
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
    using stand = new PullStand('file:../../etc/hostname', { mediaDir: folder });
    await stand.pull.start();
    await stand.until(() => stand.pull.status('a').state === 'waiting');
    expect(stand.pull.status('a').error).toBe('There is no file named ../../etc/hostname in the server’s media folder.');
  });
});

describe('a server', () => {
  test('of RTSP is fetched by TCP', async () => {
    await ensureTool('gst-rtsp-server');
    using server = camera();
    using stand = new PullStand(`rtsp://127.0.0.1:${await server.firstLine()}/camera`);
    await stand.pictures(60);
    expect(stand.formats.at(-1)).toMatchObject(H264_AAC);
    expect(stand.of(1)[0]?.key).toBe(true);
  });

  test('of SRT is fetched, and again when it comes back', async () => {
    const port = await freeUdpPort();
    const serve = () => new Program('ffmpeg', ['-v', 'error', '-re', '-i', join(folder, 'long.ts'), '-c', 'copy', '-f', 'mpegts', `srt://127.0.0.1:${port}?mode=listener`]);
    using stand = new PullStand(`srt://127.0.0.1:${port}`);
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

  test('of SRT that wants a passphrase is fetched by who has it, and by nobody else', async () => {
    const port = await freeUdpPort();
    const listener = `srt://127.0.0.1:${port}?mode=listener&passphrase=open-the-sluice`;
    using _server = new Program('ffmpeg', ['-v', 'error', '-re', '-i', join(folder, 'long.ts'), '-c', 'copy', '-f', 'mpegts', listener]);
    using stranger = new PullStand(`srt://127.0.0.1:${port}?passphrase=close-the-sluice`);
    expect(await stranger.failure()).toEqual({
      problem: 'source_unreachable',
      error: `The connection to 127.0.0.1:${port} could not be made, or was lost. The passphrase or the stream id may be wrong.`,
    });
    using stand = new PullStand(`srt://127.0.0.1:${port}?passphrase=open-the-sluice`);
    await stand.pictures(10);
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
      using stand = new PullStand(`http://127.0.0.1:${portOf(server.address())}/live.ts`);
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
    using stand = new PullStand(`http://127.0.0.1:${portOf(outer.address())}/live.m3u8`, { forbidden: '127.0.0.2' });
    await stand.pull.start();
    await stand.until(() => stand.pull.status('a').state === 'waiting');
    expect(stand.pull.status('a').error).toBe('127.0.0.2 is not allowed here.');
    expect(asked).toBe(0);
    inner.close();
    outer.close();
  });

  test('in a private network is not fetched from', async () => {
    using stand = new PullStand('http://127.0.0.1:9/live.m3u8', { allowPrivate: false });
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
    using stand = new PullStand(`rtsp://127.0.0.1:${portOf(outer.address())}/x`);
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
    using stand = new PullStand('file:loop.mp4', { mode: 'on-demand', mediaDir: folder });
    await stand.pull.start();
    expect(stand.pull.status('a').state).toBe('idle');
    expect([...stand.hub.running()]).toEqual([]);
    const gate = stand.pull.waking({ check: () => 'allowed' }, true);
    expect(await gate.check('a', NOBODY)).toBe('allowed');
    expect(stand.hub.get('a')?.broadcast.state).toBe('live');
    expect(stand.pull.status('a').state).toBe('running');
    expect(gate.check('other', NOBODY)).toBe('allowed');
  });

  test('goes on as long as somebody watches and half a minute more, and begins again in the same broadcast', async () => {
    const clock = new FakeClock();
    using stand = new PullStand('file:loop.mp4', { mode: 'on-demand', mediaDir: folder, clock });
    await stand.pull.start();
    const gate = stand.pull.waking({ check: () => 'allowed' }, true);
    await gate.check('a', NOBODY);
    /** Media comes in real time meanwhile: silence would be a failure of its own. */
    const pass = async (seconds: number) => {
      for (let left = seconds; left > 0; left -= 10) {
        const before = stand.of(1).length;
        await stand.until(() => stand.of(1).length > before);
        clock.advance(Math.min(10, left) * 1_000);
      }
    };
    stand.isWatched = true;
    await pass(50);
    stand.isWatched = false;
    await pass(20);
    // A player that asks for playlists and segments is a viewer.
    await gate.check('a', NOBODY);
    await pass(28);
    expect(stand.pull.status('a').state).toBe('running');
    const { broadcastId } = stand.hub.get('a')?.broadcast ?? {};
    await pass(4);
    expect(stand.pull.status('a')).toEqual({ state: 'idle', problem: null, error: null, retryAt: null });
    await stand.until(() => stand.processes.counters.running === 0 && stand.hub.get('a')?.broadcast.state === 'reconnecting');
    // Within the time that a broadcast waits for its publisher.
    await gate.check('a', NOBODY);
    expect(stand.hub.get('a')?.broadcast).toMatchObject({ broadcastId, state: 'live' });
  });

  test('that nobody can reach does not keep a viewer waiting for ever', async () => {
    const clock = new FakeClock();
    using stand = new PullStand('file:nothing.mp4', { mode: 'on-demand', mediaDir: folder, clock });
    await stand.pull.start();
    const answer = Promise.resolve(stand.pull.waking({ check: () => 'allowed' }, true).check('a', NOBODY));
    await stand.until(() => stand.pull.status('a').state === 'waiting');
    clock.advance(10_000);
    expect(await answer).toBe('allowed');
    expect(stand.pull.status('a').problem).toBe('source_not_found');
  });
});

describe('more sources than there may be processes', () => {
  test('wait for a free one', async () => {
    using stand = new PullStand('file:loop.mp4', { mediaDir: folder, maxProcesses: 1 });
    const other = stand.processes.open(
      { type: 'demux', url: `file:${join(folder, 'long.ts')}`, options: {}, isPaced: true, isLooped: true },
      { message: () => {}, gone: () => {} },
    );
    expect(await stand.failure()).toEqual({ problem: 'media_processes_exhausted', error: 'This server fetches and forwards as much as it may: 1 at once.' });
    expect(stand.processes.counters).toEqual({ running: 1, refused: 1 });
    other.close();
    await other.closed;
    expect(stand.processes.counters.running).toBe(0);
    await stand.pull.sourceChanged('a');
    await stand.until(() => stand.pull.status('a').state === 'running');
    expect(stand.processes.counters.running).toBe(1);
  });
});

describe('a publisher with the key', () => {
  test('comes first, and the source waits', async () => {
    using stand = new PullStand('file:loop.mp4', { mediaDir: folder });
    await stand.pictures(10);
    const publication = stand.hub.publish({ streamId: 'a', start: 'auto', secondPublisher: 'takeover', publisher: { protocol: 'test', remoteAddress: '', onEvicted: () => {} } });
    expect(publication).toBeDefined();
    await stand.until(() => stand.pull.status('a').state === 'occupied');
    publication?.close('left');
    await stand.until(() => stand.pull.status('a').state === 'running');
  });
});
