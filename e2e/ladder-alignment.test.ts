/**
 * A source with key frames at odd distances and B-frames, and its three tiers, through a drop of the encoder: everything that was kept is read
 * with ffprobe. A minute of media, sent in half of one; `LADDER_MINUTES=5` makes it five.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { Child, run } from './harness/child.ts';
import { TemporaryFolder } from './harness/folder.ts';
import { renditionsOf } from './harness/playlist-follower.ts';
import { startServer } from './harness/server.ts';
import { until } from './harness/until.ts';

const SECONDS = 60 * Number(process.env['LADDER_MINUTES'] ?? 1);

/** As files are published: media come twice as fast as life. */
const PACE = 2;

const TIERS = ['180p', '120p', '90p'];

/** Worker and tiers start in so many segments, after the beginning and after the drop. */
const MOST_GAPS = 4;

/** What was on its way through the ladder when the encoder was lost is lost with it. */
const LOST_SECONDS = 1;

beforeAll(async () => {
  for (const tool of ['ffmpeg', 'ffprobe'] as const) await ensureTool(tool);
});

test('source and three tiers have the same segments, each with a key frame first, at the same times to the tick', { timeout: (SECONDS + 180) * 1000 }, async () => {
  await using server = await startServer({ env: { LADDER: '180p@150k,120p@100k,90p@60k' } });
  const owner = await Owner.guest(server.http);
  const { stream, streamKey, playback } = await owner.create({ title: 'In step', ladder: 'always' });
  const target = `${server.rtmp}/${streamKey}`;
  const broadcast = async (seconds: number) => {
    await using encoder = publish(target);
    await owner.untilStatus(stream.id, 'live', 30_000);
    const began = performance.now();
    await until(() => performance.now() - began > (seconds / PACE) * 1000, {
      what: `${seconds} s of media`,
      timeoutMs: (seconds + 30) * 1000,
      everyMs: 200,
      seen: () => encoder.tail(),
    });
    await encoder.stop('SIGKILL');
    await owner.untilStatus(stream.id, 'reconnecting', 30_000);
  };
  await broadcast(SECONDS / 2);
  await broadcast(SECONDS / 2);
  await owner.stop(stream.id);
  // A machine that is too slow for this has nothing to show.
  expect(server.logs().filter(({ msg }) => msg.includes('cannot keep up'))).toEqual([]);

  using folder = new TemporaryFolder();
  const urls = await renditionsOf(playback.hls);
  const [source, ...kept] = await Promise.all(['video', ...TIERS].map((name) => keptOf(urls.find((url) => url.includes(`/${name}/`)) ?? name, join(folder.path, name))));
  if (!source) throw new Error('the source is kept');
  expect(source.length).toBeGreaterThan(SECONDS / 5);
  expect(source.filter(({ first }) => first === undefined)).toEqual([]);
  expect(new Set(source.map(({ seconds }) => seconds)).size).toBeGreaterThan(3);
  // A tier that came later is listed from then on: by its numbers, what is before that is missing.
  const tiers = kept.map((tier) => [...source.filter(({ number }) => number < (tier[0]?.number ?? Infinity)).map((segment) => ({ ...segment, first: undefined })), ...tier]);
  for (const [i, tier] of tiers.entries()) {
    const names = source.map((_, at) => (isOnItsWay(source, at) ? 'on its way' : 'whole'));
    const compared = (all: readonly Kept[]) => all.map(({ seconds }, at) => (names[at] === 'whole' ? seconds : names[at]));
    expect(tier.map(({ number }) => number)).toEqual(source.map(({ number }) => number));
    expect(compared(tier)).toEqual(compared(source));
    const lost = source.reduce((sum, { seconds }, at) => sum + Math.abs(Number(seconds) - Number(tier[at]?.seconds)), 0);
    expect(lost, `what is lost of ${TIERS[i]}`).toBeLessThan(2 * LOST_SECONDS);
    const whole = tier.flatMap(({ first }, at) => (first === undefined ? [] : [{ at, first }]));
    expect(tier.length - whole.length, `gaps of ${TIERS[i]}`).toBeLessThanOrEqual(MOST_GAPS);
    expect(whole).toEqual(whole.map(({ at }) => ({ at, first: source[at]?.first })));
  }
  expect(source.every(({ first }) => first?.endsWith('key frame'))).toBe(true);
  console.log(`${source.length} segments in ${SECONDS} s; gaps: ${tiers.map((tier) => tier.filter(({ first }) => first === undefined).length).join(', ')}`);
});

/** True when so little comes behind this segment before the drop or the end that all of that, and some of this, may have been lost. */
function isOnItsWay(all: readonly Kept[], at: number): boolean {
  let behind = 0;
  for (let i = at; !all[i]?.isLast; i++) behind += Number(all[i + 1]?.seconds ?? Number.POSITIVE_INFINITY);
  return behind < LOST_SECONDS;
}

/** Few and small pictures; key frames every 13th and every 19th picture, and B-frames between. */
function publish(target: string): Child {
  const picture = ['-readrate', String(PACE), '-f', 'lavfi', '-i', 'testsrc2=s=426x240:r=12'];
  const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '2', '-g', '1000', '-sc_threshold', '0'];
  const keys = ['-force_key_frames', 'expr:not(mod(n,13))+not(mod(n,19))'];
  return new Child('ffmpeg', ['-hide_banner', '-loglevel', 'warning', '-nostdin', ...picture, ...video, ...keys, '-f', 'flv', target]);
}

interface Kept {
  /** Its media sequence number. */
  readonly number: number;
  /** Of a run of the encoder. */
  readonly isLast: boolean;
  /** EXTINF, as it is written. */
  readonly seconds: string;
  /** When its first picture is decoded, in ticks, and of what kind that is; undefined for a gap. */
  readonly first: string | undefined;
}

/** What a playlist that has ended lists. Segments of one format are read as the one file that they make. */
async function keptOf(url: string, path: string): Promise<Kept[]> {
  const text = await until(async () => fetch(url).then((answer) => answer.text()), { what: `a playlist at ${url}`, timeoutMs: 20_000 });
  expect(text).toContain('#EXT-X-ENDLIST');
  const files = new Map<string, { size: number; readonly pieces: Uint8Array[] }>();
  const listed: { readonly seconds: string; readonly isLast: boolean; readonly map?: string; readonly offset: number }[] = [];
  for (const { seconds, isLast, uri, init, isGap } of segmentsOf(text)) {
    if (isGap) {
      listed.push({ seconds, isLast, offset: 0 });
      continue;
    }
    const file = files.get(init) ?? { size: 0, pieces: [] };
    if (!files.has(init)) append(file, await load(new URL(init, url)));
    files.set(init, file);
    listed.push({ seconds, isLast, map: init, offset: file.size });
    append(file, await load(new URL(uri, url)));
  }
  const firsts = new Map<string, ReadonlyMap<number, string>>();
  for (const [i, [init, { pieces }]] of [...files].entries()) {
    const file = `${path}-${i}.mp4`;
    await writeFile(file, pieces);
    const starts = listed.filter((segment) => segment.map === init).map(({ offset }) => offset);
    firsts.set(init, await firstPackets(file, starts));
  }
  const number = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m.exec(text)?.[1] ?? 0);
  return listed.map(({ seconds, isLast, map: init = '', offset }, i) => ({ number: number + i, seconds, isLast, first: firsts.get(init)?.get(offset) }));
}

function append(file: { size: number; readonly pieces: Uint8Array[] }, piece: Uint8Array): void {
  file.pieces.push(piece);
  file.size += piece.length;
}

async function load(url: URL): Promise<Uint8Array> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

interface Listed {
  readonly seconds: string;
  readonly uri: string;
  readonly init: string;
  readonly isGap: boolean;
  isLast: boolean;
}

/** The segments of a playlist, which names parts and initialisations between. */
function segmentsOf(text: string): readonly Listed[] {
  const segments: Listed[] = [];
  let init = '';
  let seconds = '';
  let isGap = false;
  for (const line of text.split('\n')) {
    init = /^#EXT-X-MAP:URI="([^"]+)"/.exec(line)?.[1] ?? init;
    seconds = /^#EXTINF:([\d.]+)/.exec(line)?.[1] ?? seconds;
    isGap ||= line === '#EXT-X-GAP';
    const last = segments.at(-1);
    if (last && (line === '#EXT-X-DISCONTINUITY' || line === '#EXT-X-ENDLIST')) last.isLast = true;
    if (line === '' || line.startsWith('#')) continue;
    segments.push({ seconds, uri: line, init, isGap, isLast: false });
    isGap = false;
  }
  return segments;
}

/** By where each segment begins in the file, what ffprobe sees first in it. */
async function firstPackets(file: string, starts: readonly number[]): Promise<ReadonlyMap<number, string>> {
  const entries = 'stream=time_base:packet=dts,flags,pos';
  const { stdout } = await run('ffprobe', ['-v', 'error', '-select_streams', 'v', '-show_entries', entries, '-of', 'json', file]);
  const { streams, packets }: { streams: { time_base: string }[]; packets: { dts: number; flags: string; pos: string }[] } = JSON.parse(stdout);
  const found = new Map<number, string>();
  let at = 0;
  for (const [i, start] of starts.entries()) {
    while (Number(packets[at]?.pos ?? Number.POSITIVE_INFINITY) < start) at++;
    const packet = packets[at];
    if (packet && Number(packet.pos) < (starts[i + 1] ?? Number.POSITIVE_INFINITY))
      found.set(start, `${packet.dts} × ${streams[0]?.time_base}, ${packet.flags.startsWith('K') ? 'a key frame' : 'no key frame'}`);
  }
  return found;
}
