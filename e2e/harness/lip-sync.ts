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

/** Luma of a flash is 235, of the rest 16; the beep has -6 dB or more, the rest none for nine tenths of a second. */
const BRIGHT = 128;
const LOUD_DECIBELS = -20;
const LEAST_QUIET_SECONDS = 0.5;

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

/** The delays of `count` flashes, once there are so many; the `after` before them do not count. */
export async function untilDelays(
  onsets: () => Onsets | Promise<Onsets>,
  { count, after = 0, timeoutMs }: { readonly count: number; readonly after?: number; readonly timeoutMs: number },
): Promise<Delays> {
  let last: readonly number[] = [];
  return until(
    async () => {
      last = soundDelays(await onsets());
      return last.length >= after + count && summaryOf(last.slice(after));
    },
    { what: `${after + count} flashes with beeps`, timeoutMs, everyMs: 250, seen: () => `sound behind the picture by ${last.map((ms) => ms.toFixed(1)).join(', ')} ms` },
  );
}

function summaryOf(delays: readonly number[]): Delays {
  const sorted = delays.toSorted((a, b) => a - b);
  return { medianMs: median(sorted), fromMs: sorted[0] ?? Number.NaN, toMs: sorted.at(-1) ?? Number.NaN };
}

/**
 * What the segments that a live playlist holds now have in them, by their own timestamps: nothing a player does is part of it. None before there are
 * so many seconds of each rendition: to decode them takes the processor.
 */
export async function onsetsInSegments(multivariantUrl: string, leastSeconds: number): Promise<Onsets> {
  const onsets = { flashesMs: [] as number[], beepsMs: [] as number[] };
  const renditions = await Promise.all((await renditionsOf(multivariantUrl)).map(listedIn));
  if (renditions.some(({ seconds }) => seconds < leastSeconds)) return onsets;
  using folder = new TemporaryFolder();
  for (const [i, { urls }] of renditions.entries()) {
    const path = join(folder.path, `${i}.mp4`);
    const bodies = urls.map(async (url) => Buffer.from(await (await fetch(url)).arrayBuffer()));
    writeFileSync(path, Buffer.concat(await Promise.all(bodies)));
    onsets.flashesMs.push(...(await flashesIn(path)));
    onsets.beepsMs.push(...(await beepsIn(path)));
  }
  return onsets;
}

/** The init segment and the whole segments of a playlist, which make a file. */
async function listedIn(url: string): Promise<{ readonly urls: readonly URL[]; readonly seconds: number }> {
  const text = await (await fetch(url)).text();
  const { segments } = parseMediaPlaylist(text);
  const whole = segments.flatMap(({ uri, map, gap, seconds }) => (uri === undefined || map === undefined || gap ? [] : [{ uri, map, seconds }]));
  // Those behind the last change of the init segment: a file has one.
  const map = whole.at(-1)?.map;
  const listed = whole.filter((segment) => segment.map === map);
  const uris = [...(map === undefined ? [] : [map]), ...listed.map(({ uri }) => uri)];
  return { urls: uris.map((uri) => new URL(uri, url)), seconds: listed.reduce((sum, { seconds }) => sum + seconds, 0) };
}

/** By what a small copy of each picture has of light. */
async function flashesIn(path: string): Promise<number[]> {
  const frames = await readMetadata(path, ['-vf', 'scale=16:16:flags=area,signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-']);
  return frames.flatMap(({ atMs, value }, i) => (value > BRIGHT && (frames[i - 1]?.value ?? Number.POSITIVE_INFINITY) <= BRIGHT ? [atMs] : []));
}

/** To the sample. */
async function beepsIn(path: string): Promise<number[]> {
  const ends = await readMetadata(path, ['-af', `silencedetect=noise=${LOUD_DECIBELS}dB:duration=${LEAST_QUIET_SECONDS},ametadata=print:key=lavfi.silence_end:file=-`]);
  return ends.map(({ value }) => value * 1000);
}

/** What a filter notes of frames, and when these are. None for a file that has no such track. */
async function readMetadata(path: string, filter: readonly string[]): Promise<{ readonly atMs: number; readonly value: number }[]> {
  const { stdout } = await run('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-nostdin', '-copyts', '-i', path, ...filter, '-f', 'null', '-']);
  return [...stdout.matchAll(/pts_time:(\S+)\s+lavfi\.\S+=(\S+)/g)].map(([, at, value]) => ({ atMs: Number(at) * 1000, value: Number(value) }));
}
