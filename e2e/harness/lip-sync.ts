/** How far sound and picture are apart, measured on media that flash and beep at each full second. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMediaPlaylist } from '@millrace/media/m3u8/parse-playlist';
import { run } from './child.ts';
import { TemporaryFolder } from './folder.ts';
import { median } from './page-clock.ts';
import { renditionsOf } from './playlist-follower.ts';
import { until } from './until.ts';

/** When flashes and beeps began, on one clock. */
export interface Onsets {
  readonly flashesMs: readonly number[];
  readonly beepsMs: readonly number[];
}

/** Half the distance of flashes: beyond it a beep belongs to another. */
const MAX_OFFSET_MS = 500;

/** Luma of a flash is 235, of the rest 16; the beep has -6 dB or more, the rest none. */
const BRIGHT = 128;
const LOUD_DECIBELS = -20;

/** How late each beep is behind its flash; negative: early. In the order of the flashes. */
function soundDelays({ flashesMs, beepsMs }: Onsets): number[] {
  return flashesMs.flatMap((flash) => {
    const delay = beepsMs.map((beep) => beep - flash).reduce((best, one) => (Math.abs(one) < Math.abs(best) ? one : best), Number.POSITIVE_INFINITY);
    return Math.abs(delay) < MAX_OFFSET_MS ? [delay] : [];
  });
}

export interface Delays {
  readonly medianMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The delays of the last `count` flashes, once their median is within `withinMs`: players that were held up move sound and picture to each other again.
 * The first `after` do not count.
 */
export async function untilDelays(
  onsets: () => Onsets | Promise<Onsets>,
  { count, after = 0, withinMs, timeoutMs }: { readonly count: number; readonly after?: number; readonly withinMs: number; readonly timeoutMs: number },
): Promise<Delays> {
  let all: readonly number[] = [];
  return until(
    async () => {
      all = soundDelays(await onsets());
      if (all.length < after + count) return undefined;
      const delays = summaryOf(all.slice(-count));
      return Math.abs(delays.medianMs) < withinMs && delays;
    },
    {
      what: `sound and picture of ${count} flashes, after ${after}, within ${withinMs} ms of each other`,
      timeoutMs,
      everyMs: 250,
      seen: () => `sound behind the picture by ${all.map((ms) => ms.toFixed(1)).join(', ')} ms`,
    },
  );
}

function summaryOf(delays: readonly number[]): Delays {
  const sorted = delays.toSorted((a, b) => a - b);
  return { medianMs: median(sorted), fromMs: sorted[0] ?? Number.NaN, toMs: sorted.at(-1) ?? Number.NaN };
}

/** What the segments that a live playlist holds now have in them, by their own timestamps: nothing a player does is part of it. */
export async function onsetsInSegments(multivariantUrl: string): Promise<Onsets> {
  using folder = new TemporaryFolder();
  const onsets = { flashesMs: [] as number[], beepsMs: [] as number[] };
  for (const [i, url] of (await renditionsOf(multivariantUrl)).entries()) {
    const path = join(folder.path, `${i}.mp4`);
    writeFileSync(path, await mediaOf(url));
    onsets.flashesMs.push(...(await flashesIn(path)));
    onsets.beepsMs.push(...(await beepsIn(path)));
  }
  return onsets;
}

/** The init segment and the whole segments of a playlist. */
async function mediaOf(url: string): Promise<Buffer> {
  const text = await (await fetch(url)).text();
  const { segments } = parseMediaPlaylist(text);
  const whole = segments.flatMap(({ uri, map, gap }) => (uri === undefined || map === undefined || gap ? [] : [{ uri, map }]));
  // Those behind the last change of the init segment: a file has one.
  const map = whole.at(-1)?.map;
  if (map === undefined) return Buffer.alloc(0);
  const uris = [map, ...whole.filter((segment) => segment.map === map).map(({ uri }) => uri)];
  const bodies = uris.map(async (uri) => Buffer.from(await (await fetch(new URL(uri, url))).arrayBuffer()));
  return Buffer.concat(await Promise.all(bodies));
}

async function flashesIn(path: string): Promise<number[]> {
  return onsetsOf(await readFrames(path, ['-vf', 'signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-']), BRIGHT);
}

async function beepsIn(path: string): Promise<number[]> {
  return onsetsOf(await readFrames(path, ['-af', 'asetnsamples=48,astats=metadata=1:reset=1,ametadata=print:key=lavfi.astats.Overall.Peak_level:file=-']), LOUD_DECIBELS);
}

interface Frame {
  readonly atMs: number;
  readonly level: number;
}

/** Empty for a file that has no such track. */
async function readFrames(path: string, filter: readonly string[]): Promise<Frame[]> {
  const { stdout } = await run('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-nostdin', '-copyts', '-i', path, ...filter, '-f', 'null', '-']);
  return [...stdout.matchAll(/pts_time:(\S+)\s+lavfi\.\S+=(\S+)/g)].map(([, at, level]) => ({
    atMs: Number(at) * 1000,
    level: level === '-inf' ? Number.NEGATIVE_INFINITY : Number(level),
  }));
}

function onsetsOf(frames: readonly Frame[], threshold: number): number[] {
  return frames.flatMap(({ atMs, level }, i) => {
    const before = frames[i - 1]?.level ?? Number.POSITIVE_INFINITY;
    return level > threshold && before <= threshold ? [atMs] : [];
  });
}
