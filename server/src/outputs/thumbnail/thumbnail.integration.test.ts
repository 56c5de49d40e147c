/** Real encoded media through a worker: posters, sheets and cues by HTTP, live and of the recording, looked at by ffmpeg. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { expect, it } from 'vitest';
import { FakeClock, systemClock } from '../../lib/clock.ts';
import { UNWATCHED } from '../../lib/progress.ts';
import { silentLog } from '../../lib/silent-log.ts';
import { DiskFiles } from '../../lib/stored-files.ts';
import { quietLog } from '../../lib/testing/quiet-log.ts';
import { Hub } from '../../stream/hub.ts';
import type { PlaybackGate } from '../../stream/playback-gate.ts';
import { PictureJobs } from '../../transcode/picture-jobs.ts';
import { WorkerPool } from '../../transcode/pool.ts';
import { encodeIvf, goLive, VP8 } from '../../transcode/testing/media.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from '../cmaf/packager.ts';
import { PackagerRegistry } from '../cmaf/registry.ts';
import { encodeMedia } from '../cmaf/testing/encoded-media.ts';
import { Recorder } from '../record/recorder.ts';
import { serve } from '../record/testing/http.ts';
import { VodRoutes } from '../record/vod-routes.ts';
import { PictureRoutes } from './routes.ts';
import { Thumbnailer } from './thumbnailer.ts';

/** Of a private stream whose token is brought. */
const GATE: PlaybackGate = { check: () => 'allowed' };

const run = promisify(execFile);

type Colour = readonly [red: number, green: number, blue: number];

const RED: Colour = [255, 0, 0];
const GREEN: Colour = [0, 255, 0];
const BLUE: Colour = [0, 0, 255];

/** So far may a channel be off what went in. */
const TOLERANCE = 12;

/** Ten seconds of each colour in turn, at few frames a second, with a key frame in every two seconds. */
const COLOURS = 'color=red:s=640x360:r=5:d=10[r];color=lime:s=640x360:r=5:d=10[g];color=blue:s=640x360:r=5:d=10[b];[r][g][b]concat=n=3';
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '10', '-bf', '2'];

class Stand implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly log = quietLog();
  readonly pool = new WorkerPool({ clock: systemClock, log: this.log, maxWorkers: 2 });
  readonly thumbnailer = new Thumbnailer({ makers: new PictureJobs(this.pool), clock: this.clock, log: this.log });
  readonly registry = new PackagerRegistry({ clock: this.clock });
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-thumbnails-'));
  readonly recorder: Recorder;
  readonly hub: Hub;

  constructor() {
    const { clock, log, folder } = this;
    let ids = 0;
    const plan = { recording: { id: 'recording-one', maxBytes: Number.POSITIVE_INFINITY }, rewindSeconds: Number.POSITIVE_INFINITY };
    const listener = { recordingEnded: () => {}, recordingGrew: () => {}, recordingDropped: () => {} };
    this.recorder = new Recorder({ clock, log, folder, minFreeBytes: 0, policy: { plan: async () => plan }, listener, use: () => {} });
    this.hub = new Hub({
      clock,
      reconnectGraceMs: 60_000,
      newId: () => `id-${++ids}`,
      listener: { broadcastChanged: () => {} },
      makeSinks: (stream) => {
        const packager = new Packager({ broadcast: stream.broadcast, clock, config: DEFAULT_PACKAGER_CONFIG });
        this.registry.set(stream.broadcast.streamId, packager);
        return [this.recorder.follow(stream, packager, this.thumbnailer.follow(stream, packager))];
      },
    });
  }

  get worker(): number {
    const [worker] = this.pool.workers;
    if (worker?.pid === undefined) throw new Error('no worker runs');
    return worker.pid;
  }

  routes() {
    const { thumbnailer, registry, clock, recorder } = this;
    const pictures = new PictureRoutes({ thumbnailer, registry, gate: GATE, clock });
    const filesOf = (id: string): DiskFiles => new DiskFiles(recorder.recordingFolder(id));
    return [pictures, new VodRoutes({ gate: GATE, clock, log: silentLog, lookUp: async () => ({ title: 'A title' }), filesOf, beginDownload: () => UNWATCHED })];
  }

  /** Publishes as though each unit came in its time, and looks once a second; a picture that is begun is waited for. */
  async send(to: ReturnType<typeof goLive>, units: readonly Unit[], from = 0): Promise<void> {
    const timescales = new Map(to.stream.currentTracks.map((track) => [track.id, track.timescale]));
    const { createdAt } = to.stream.broadcast;
    for (const unit of units) {
      const at = createdAt + (from + unit.dts / (timescales.get(unit.track) ?? 1)) * 1000;
      const before = this.clock.now();
      this.clock.advance(Math.max(0, at - before));
      to.publication.unit(unit, at);
      if (Math.floor(before / 1000) !== Math.floor(this.clock.now() / 1000)) await this.look();
    }
  }

  async look(): Promise<void> {
    const { counters } = this.pool;
    const given = counters.unitsIn;
    const { made, failed } = this.thumbnailer.counters;
    this.thumbnailer.look();
    if (counters.unitsIn === given) return;
    while (this.thumbnailer.counters.made + this.thumbnailer.counters.failed === made + failed) await new Promise((resolve) => setImmediate(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { broadcast } of this.hub.running()) this.hub.stop(broadcast.streamId, 'stopped');
    this.thumbnailer.close();
    await this.recorder.close();
    this.pool.close();
    rmSync(this.folder, { recursive: true });
  }
}

interface Cue {
  readonly from: number;
  readonly to: number;
  readonly file: string;
  readonly crop: string;
}

function seconds(timestamp: string): number {
  return timestamp.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

function cuesOf(text: string): Cue[] {
  return [...text.matchAll(/^(\S+) --> (\S+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm)].map(([, from = '', to = '', file = '', x, y, w, h]) => ({
    from: seconds(from),
    to: seconds(to),
    file,
    crop: `crop=${w}:${h}:${x}:${y}`,
  }));
}

/** The mean colour of a picture, or of the part that a filter cuts out of it. */
async function colourOf(address: string, filter = 'null'): Promise<Colour> {
  const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', address, '-vf', `${filter},scale=1:1:flags=area,format=rgb24`, '-f', 'rawvideo', '-'], { encoding: 'buffer' });
  const [red = 0, green = 0, blue = 0] = stdout;
  return [red, green, blue];
}

function expectColour(actual: Colour, wanted: Colour, about = ''): void {
  for (const [i, channel] of actual.entries()) expect(Math.abs(channel - (wanted[i] ?? 0)), `${about} ${actual} is ${wanted}`).toBeLessThanOrEqual(TOLERANCE);
}

async function sizeOf(address: string): Promise<string> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name,width,height', '-of', 'csv=p=0', address]);
  return stdout.trim();
}

it('shows what is live and what can be gone back to, and keeps it with the recording, whatever becomes of worker and server', async () => {
  const { tracks, units } = await encodeMedia({ video: { source: COLOURS, args: H264 } });
  await using stand = new Stand();
  await using http = await serve(...stand.routes());
  const live = `${http.base}/hls/stream`;
  const to = goLive(stand.hub, 'stream', tracks);
  expect((await fetch(`${live}/poster.jpg`)).status).toBe(404);
  expect(await (await fetch(`${live}/storyboard.vtt`)).json()).toMatchObject({ code: 'picture_not_found' });
  const upTo = (time: number) => units.filter(({ dts }) => dts / (tracks[0]?.timescale ?? 1) < time);

  await stand.send(to, upTo(9));
  const first = await fetch(`${live}/poster.jpg`);
  expect(first.headers.get('content-type')).toBe('image/jpeg');
  expect(await sizeOf(`${live}/poster.jpg`)).toBe('mjpeg,640,360');
  expectColour(await colourOf(`${live}/poster.jpg`), RED);
  const tag = first.headers.get('etag') ?? '';
  expect((await fetch(`${live}/poster.jpg`, { headers: { 'If-None-Match': tag } })).status).toBe(304);
  expect((await fetch(`${live}/poster.jpg`, { method: 'HEAD' })).headers.get('content-length')).toBe(String((await first.arrayBuffer()).byteLength));

  // In mid-broadcast a worker dies between two pictures: the next one is made by another.
  process.kill(stand.worker, 'SIGKILL');
  while (stand.pool.workers.length > 0) await new Promise((resolve) => setImmediate(resolve));
  await stand.send(to, units.slice(upTo(9).length));
  await stand.recorder.round();
  expectColour(await colourOf(`${live}/poster.jpg`), BLUE);
  const text = await (await fetch(`${live}/storyboard.vtt?token=a%20b`)).text();
  expect(text.startsWith(`WEBVTT\n\nNOTE PROGRAM-DATE-TIME ${new Date(to.stream.broadcast.createdAt).toISOString()}\n\n`)).toBe(true);
  const cues = cuesOf(text);
  expect(cues.length).toBeGreaterThanOrEqual(4);
  expect(new Set(cues.map(({ file }) => file)).size).toBe(2);
  for (const [i, { from, to: end, file, crop }] of cues.entries()) {
    expect(file).toMatch(/^sprite-[^?]+\.jpg\?token=a%20b$/);
    expect(end - from).toBeLessThanOrEqual(10);
    expect(end).toBe(cues[i + 1]?.from ?? end);
    expectColour(await colourOf(`${live}/${file}`, crop), [RED, GREEN, BLUE][Math.floor(from / 10)] ?? RED, `at ${from}`);
  }
  const { file } = cues.at(-1) ?? { file: '' };
  expect((await fetch(`${live}/${file}`)).headers.get('cache-control')).toContain('immutable');
  expect((await fetch(`${live}/${file.replace(/-\d+\.jpg/, '-25.jpg')}`)).status).toBe(404);

  // As the disk would be found after a kill -9: what was written is there, without an end.
  const vod = `${http.base}/vod/recording-one`;
  const recorded = await (await fetch(`${vod}/storyboard.vtt`)).text();
  expect(recorded).not.toContain('NOTE');
  const kept = cuesOf(recorded);
  expect(kept).toHaveLength(cues.length);
  expect(kept[0]?.from).toBe(0);
  for (const { from, file: sheet, crop } of kept)
    expectColour(await colourOf(`${vod}/${sheet}`, crop), [RED, GREEN, BLUE][Math.floor(from / 10)] ?? RED, `of the recording at ${from}`);
  expect(await sizeOf(`${vod}/poster.jpg`)).toBe('mjpeg,640,360');
  expect(stand.thumbnailer.counters).toEqual({ made: cues.length, failed: 0 });
}, 60_000);

it('makes pictures of every codec and format, and does not try for ever what cannot be decoded', async () => {
  const source = (size: string) => `color=0x2060c0:s=${size}:r=25:d=0.2`;
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast'];
  const x265 = ['-c:v', 'libx265', '-tag:v', 'hvc1', '-x265-params', 'log-level=error'];
  const oddities = [
    { name: 'portrait', size: '360x640', args: [...x264, '-pix_fmt', 'yuv420p'], poster: '360,640' },
    { name: 'odd-444', size: '853x479', args: [...x264, '-pix_fmt', 'yuv444p'], poster: '640,360' },
    { name: 'ten-bit', size: '320x180', args: [...x264, '-pix_fmt', 'yuv420p10le'], poster: '320,180' },
    { name: 'hevc', size: '320x180', args: [...x265, '-pix_fmt', 'yuv420p10le'], poster: '320,180' },
    { name: 'wide-pixels', size: '360x288', args: [...x264, '-pix_fmt', 'yuv420p', '-vf', 'setsar=64/45'], poster: '512,288' },
  ];
  const ivf: readonly (readonly [VideoTrack['codec'], readonly string[]])[] = [
    ['vp8', ['-c:v', 'libvpx', '-deadline', 'realtime']],
    ['vp9', ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8']],
    ['av1', ['-c:v', 'libsvtav1', '-preset', '12']],
  ];
  await using stand = new Stand();
  await using http = await serve(...stand.routes());
  for (const { name, size, args, poster } of oddities) {
    const { tracks, units } = await encodeMedia({ video: { source: source(size), args } });
    await stand.send(goLive(stand.hub, name, tracks), units);
    await stand.look();
    expect(await sizeOf(`${http.base}/hls/${name}/poster.jpg`), name).toBe(`mjpeg,${poster}`);
    expectColour(await colourOf(`${http.base}/hls/${name}/poster.jpg`), [0x20, 0x60, 0xc0], name);
  }
  for (const [codec, args] of ivf) {
    const track: VideoTrack = { ...VP8, codec };
    const units = await encodeIvf(source('320x180'), args, track);
    const [first] = units;
    if (!first) throw new Error(`there is no ${codec}`);
    await stand.send(goLive(stand.hub, codec, [track]), [{ ...first, key: true }]);
    await stand.look();
    expectColour(await colourOf(`${http.base}/hls/${codec}/poster.jpg`), [0x20, 0x60, 0xc0], codec);
  }
  const { made } = stand.thumbnailer.counters;
  expect(made).toBe(oddities.length + ivf.length);

  const to = goLive(stand.hub, 'damaged', [VP8]);
  for (let at = 0; at <= 40; at += 2) {
    const garbage = { track: VP8.id, dts: at * VP8.timescale, pts: at * VP8.timescale, key: true, data: Uint8Array.from({ length: 500 }, (_, i) => (i * 37) & 0xfe) };
    await stand.send(to, [garbage]);
    await stand.look();
  }
  expect((await fetch(`${http.base}/hls/damaged/poster.jpg`)).status).toBe(404);
  expect(stand.thumbnailer.counters.made).toBe(made);
  // At 0, 8 and 24 s: each time it waits twice as long.
  expect(stand.thumbnailer.counters.failed).toBe(3);
  expect(stand.log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
}, 60_000);
