/** Real encoded media through hub, packager and HTTP into ffprobe and GStreamer; every state of every playlist is checked. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { promisify } from 'node:util';
import { PlaylistChecker } from '@millrace/media/m3u8/check-playlist';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { Hub } from '../../stream/hub.ts';
import type { Publication } from '../../stream/live-stream.ts';
import { DashRoutes } from '../dash/routes.ts';
import { PlaylistTexts } from '../hls/from-stream.ts';
import { HlsRoutes } from '../hls/routes.ts';
import { NOWHERE_ELSE, OPEN_GATE } from '../record/testing/http.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from './packager.ts';
import { PackagerRegistry } from './registry.ts';
import { type EncodeRequest, encodeMedia } from './testing/encoded-media.ts';

const run = promisify(execFile);

const AAC = { source: 'sine=d=12:r=48000', args: ['-c:a', 'aac', '-b:a', '64k'] };

function picture(rate: string, args: readonly string[] = [], seconds = 12): NonNullable<EncodeRequest['video']> {
  return { source: `testsrc2=s=192x108:r=${rate}:d=${seconds}`, args: ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '60', '-bf', '0', ...args] };
}

/** A hub whose one stream is packaged, watched by a checker for each rendition after every unit. */
class Studio {
  readonly clock = new FakeClock();
  readonly violations: string[] = [];
  readonly registry = new PackagerRegistry({ clock: this.clock });
  readonly hub: Hub;
  checked = 0;
  #nextId = 0;
  readonly #checkers = new Map<string, { readonly checker: PlaylistChecker; version: number }>();
  readonly #texts = new PlaylistTexts();
  readonly #shortParts: 'forbidden' | 'allowed';
  #server: Server | undefined;

  constructor(shortParts: 'forbidden' | 'allowed' = 'forbidden') {
    this.#shortParts = shortParts;
    this.hub = new Hub({
      clock: this.clock,
      reconnectGraceMs: 60_000,
      listener: { broadcastChanged: () => {} },
      newId: () => `epoch${String(this.#nextId++).padStart(16, '0')}`,
      makeSinks: ({ broadcast }) => {
        const packager = new Packager({ broadcast, clock: this.clock, config: DEFAULT_PACKAGER_CONFIG });
        this.registry.set(broadcast.streamId, packager);
        return [packager];
      },
    });
  }

  get packager(): Packager {
    const packager = this.registry.get('stream');
    if (!packager) throw new Error('nothing is packaged');
    return packager;
  }

  publish(): Publication {
    const publication = this.hub.publish({
      streamId: 'stream',
      start: 'auto',
      secondPublisher: 'takeover',
      publisher: { protocol: 'test', remoteAddress: '::1', onEvicted: () => {} },
    });
    if (!publication) throw new Error('the seat is taken');
    return publication;
  }

  /** Sends everything, the clock keeping step with the media. */
  send(publication: Publication, tracks: readonly Track[], units: readonly Unit[]): void {
    const timescales = new Map(tracks.map((track) => [track.id, track.timescale]));
    publication.tracks(tracks);
    let sentMs = 0;
    for (const unit of units) {
      const atMs = (unit.dts / (timescales.get(unit.track) ?? 1)) * 1000;
      if (atMs > sentMs) this.clock.advance(atMs - sentMs);
      sentMs = Math.max(sentMs, atMs);
      publication.unit(unit);
      this.check();
    }
  }

  check(): void {
    for (const rendition of this.packager.renditions) {
      let watched = this.#checkers.get(rendition.name);
      if (!watched) {
        watched = { checker: new PlaylistChecker({ shortParts: this.#shortParts }), version: -1 };
        this.#checkers.set(rendition.name, watched);
      }
      if (watched.version === rendition.version || !this.packager.ready) continue;
      watched.version = rendition.version;
      // Every second reload is a delta, as players that keep up ask for it.
      const text = this.#texts.media(this.packager, rendition, '', this.checked++ % 2 === 1);
      for (const violation of watched.checker.check(new TextDecoder().decode(text.plain))) this.violations.push(`${rendition.name}: ${violation}`);
    }
  }

  async serve(): Promise<string> {
    const hls = new HlsRoutes({ registry: this.registry, clock: this.clock, gate: OPEN_GATE, elsewhere: NOWHERE_ELSE });
    const dash = new DashRoutes({ registry: this.registry, clock: this.clock, gate: OPEN_GATE, elsewhere: NOWHERE_ELSE });
    this.#server = createServer((req, res) => {
      const { pathname } = new URL(req.url ?? '/', 'http://localhost');
      void (hls.handle(req, res, pathname) || dash.handle(req, res, pathname));
    }).listen(0);
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `http://localhost:${address.port}/hls/stream/index.m3u8`;
  }

  close(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}

interface Probed {
  readonly frames: number;
  /** Presentation times, seconds, sorted. */
  readonly times: readonly number[];
}

async function probe(url: string, kind: 'v' | 'a'): Promise<Probed> {
  const { stdout } = await run('ffprobe', ['-v', 'fatal', '-select_streams', kind, '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', url], { maxBuffer: 1 << 24 });
  const times = stdout
    .split('\n')
    .map((line) => Number.parseFloat(line))
    .filter((time) => !Number.isNaN(time))
    .sort((a, b) => a - b);
  // The programme and the stream list the same packets.
  const unique = [...new Set(times)];
  return { frames: unique.length, times: unique };
}

function sortedTimes(tracks: readonly Track[], units: readonly Unit[], id: number): number[] {
  const timescale = tracks.find((track) => track.id === id)?.timescale ?? 1;
  return units
    .filter((unit) => unit.track === id)
    .map((unit) => unit.pts / timescale)
    .sort((a, b) => a - b);
}

let studio: Studio | undefined;

afterEach(() => {
  studio?.close();
  studio = undefined;
});

const CASES: readonly { readonly name: string; readonly request: EncodeRequest; readonly shortParts?: 'allowed' }[] = [
  { name: '30 fps with B-frames and AAC', request: { video: picture('30', ['-bf', '2']), audio: AAC } },
  { name: '30 fps in milliseconds', request: { video: picture('30'), audio: AAC, timescale: 1000 } },
  { name: '29.97 fps in milliseconds', request: { video: picture('30000/1001'), audio: AAC, timescale: 1000 } },
  { name: '60 fps in milliseconds', request: { video: picture('60', ['-g', '120']), audio: AAC, timescale: 1000 } },
  { name: '25 fps with a key frame every 10 s', request: { video: picture('25', ['-g', '250']), audio: AAC, timescale: 1000 } },
  {
    name: 'a variable frame rate',
    request: { video: picture('30', ['-vf', "select='not(mod(n,5))+lt(random(1),0.6)'", '-vsync', 'vfr']), audio: AAC, timescale: 1000 },
    shortParts: 'allowed',
  },
  { name: 'sound alone', request: { audio: AAC, timescale: 1000 } },
  { name: 'picture alone', request: { video: picture('30'), timescale: 1000 } },
  { name: 'Opus', request: { video: picture('30'), audio: { source: 'sine=d=12:r=48000', args: ['-c:a', 'libopus', '-strict', '-2'] } } },
];

describe.each(CASES)('$name', ({ request, shortParts }) => {
  test('keeps every rule on every reload, and ffprobe reads every frame at its time', async () => {
    const current = new Studio(shortParts);
    studio = current;
    const { tracks, units } = await encodeMedia(request);
    current.send(current.publish(), tracks, units);
    current.hub.stop('stream', 'stopped');
    current.check();
    expect(current.violations).toEqual([]);
    expect(current.checked).toBeGreaterThan(50);
    const url = await current.serve();
    for (const track of tracks) {
      const expected = sortedTimes(tracks, units, track.id);
      const { frames, times } = await probe(url, track.kind === 'video' ? 'v' : 'a');
      expect(frames).toBe(expected.length);
      for (const [i, time] of times.entries()) expect(Math.abs(time - (expected[i] ?? Number.NaN))).toBeLessThan(0.002);
    }
  });
});

test('a publisher that drops and returns with another format leaves every rule kept and a gap in time', async () => {
  const current = new Studio();
  studio = current;
  const first = await encodeMedia({ video: picture('30'), audio: AAC, timescale: 1000 });
  const second = await encodeMedia({ video: picture('30', ['-s', '320x180']), audio: AAC, timescale: 1000 });
  const publication = current.publish();
  current.send(publication, first.tracks, first.units);
  publication.close('lost');
  current.check();
  current.clock.advance(20_000);
  current.send(current.publish(), second.tracks, second.units);
  current.hub.stop('stream', 'stopped');
  current.check();
  expect(current.violations).toEqual([]);
  const video = current.packager.rendition('video');
  const audio = current.packager.rendition('audio');
  expect(video?.segments.map((segment) => segment.discontinuitySequence)).toEqual(audio?.segments.map((segment) => segment.discontinuitySequence));
  expect(video?.segments.at(-1)?.discontinuitySequence).toBe(1);
  const before = video?.segments.findLast((segment) => segment.discontinuitySequence === 0);
  const after = video?.segments.find((segment) => segment.discontinuity);
  expect(((after?.startsAt ?? 0) - (before?.startsAt ?? 0)) / 1000 - (before?.seconds ?? 0)).toBeCloseTo(20, 0);
});

test('a rendition whose track does not return goes on with gaps at the same numbers', async () => {
  const current = new Studio();
  studio = current;
  const { tracks, units } = await encodeMedia({ video: picture('30'), audio: AAC, timescale: 1000 });
  const publication = current.publish();
  current.send(publication, tracks, units);
  publication.close('lost');
  current.clock.advance(5000);
  const silent = tracks.filter((track) => track.kind === 'video');
  current.send(
    current.publish(),
    silent,
    units.filter((unit) => unit.track === silent[0]?.id),
  );
  current.hub.stop('stream', 'stopped');
  current.check();
  expect(current.violations).toEqual([]);
  const audio = current.packager.rendition('audio');
  expect(audio?.segments.at(-1)?.msn).toBe(current.packager.rendition('video')?.segments.at(-1)?.msn);
  expect(audio?.segments.at(-1)?.gap).toBe(true);
});

test.for([
  ['together', '60'],
  ['apart', '50'],
] as const)('two sizes of a picture with key frames that come %s keep every rule, and ffprobe reads every frame of both', async ([, smallGroup]) => {
  const current = new Studio();
  studio = current;
  const large = await encodeMedia({ video: picture('30'), audio: AAC, timescale: 1000 });
  const small = await encodeMedia({ video: picture('30', ['-s', '96x54', '-g', smallGroup]), timescale: 1000 });
  const tracks = [...large.tracks, ...small.tracks.map((track) => ({ ...track, id: 3 }))];
  const timescales = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
  const seconds = (unit: Unit): number => unit.dts / (timescales.get(unit.track) ?? 1);
  const units = [...large.units, ...small.units.map((unit) => ({ ...unit, track: 3 }))].sort((a, b) => seconds(a) - seconds(b));
  current.send(current.publish(), tracks, units);
  current.hub.stop('stream', 'stopped');
  current.check();
  expect(current.violations).toEqual([]);
  const url = await current.serve();
  for (const name of ['video', 'video2']) {
    const { frames } = await probe(url.replace('/index.m3u8', `/${name}/index.m3u8`), 'v');
    expect(frames).toBe(360);
  }
  const numbers = (name: string) => current.packager.rendition(name)?.segments.map(({ msn }) => msn);
  expect(numbers('video2')).toEqual(numbers('video'));
});

test('GStreamer plays the broadcast to its end', async () => {
  const current = new Studio();
  studio = current;
  const { tracks, units } = await encodeMedia({ video: picture('30', [], 4), audio: { ...AAC, source: 'sine=d=4:r=48000' }, timescale: 1000 });
  current.send(current.publish(), tracks, units);
  current.hub.stop('stream', 'stopped');
  const url = await current.serve();
  const gst = spawn('gst-launch-1.0', ['-q', 'playbin3', `uri=${url}`, 'video-sink=fakesink sync=false', 'audio-sink=fakesink sync=false'], { stdio: 'ignore' });
  const [code] = await once(gst, 'exit');
  expect(code).toBe(0);
});

test('ffprobe reads both tracks from the DASH manifest', async () => {
  const current = new Studio();
  studio = current;
  const { tracks, units } = await encodeMedia({ video: picture('30'), audio: AAC, timescale: 1000 });
  current.send(current.publish(), tracks, units);
  current.hub.stop('stream', 'stopped');
  const url = (await current.serve()).replace('/hls/stream/index.m3u8', '/dash/stream/manifest.mpd');
  const { frames } = await probe(url, 'v');
  // ffmpeg's DASH reader leaves the very last frame out.
  expect(frames).toBeGreaterThanOrEqual(359);
  expect((await probe(url, 'a')).frames).toBeGreaterThan(500);
});
