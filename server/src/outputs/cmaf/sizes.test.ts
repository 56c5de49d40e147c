/** One picture at several sizes: renditions in step, whatever their key frames do and whichever of them falls silent. */
import { PlaylistChecker } from '@millrace/media/m3u8/check-playlist';
import { expect, it } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { AUDIO, picture, SMALL_VIDEO, smallPicture, sound, VIDEO } from '../../stream/testing/source.ts';
import { PackagerManifest } from '../dash/from-stream.ts';
import { multivariantText, PlaylistTexts } from '../hls/from-stream.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from './packager.ts';
import type { Rendition } from './rendition.ts';
import type { Segment } from './segment.ts';

const RATE = 30;

interface Broadcast {
  readonly seconds: number;
  /** Whether this size is sent at this time. */
  readonly sends?: (size: 'large' | 'small', at: number) => boolean;
  /** How much later the key frames of the small size are, and how much its clock is ahead. */
  readonly smallKeysLate?: number;
  readonly smallAhead?: number;
  readonly onFrame?: (packager: Packager, at: number) => void;
}

/** Sends both sizes with a key frame every second, and sound. Every state of every playlist is checked. */
function broadcast({ seconds, sends = () => true, smallKeysLate = 0, smallAhead = 0, onFrame }: Broadcast): { packager: Packager; violations: string[] } {
  const clock = new FakeClock();
  const packager = new Packager({ broadcast: { epoch: 'epoch', createdAt: clock.now() }, clock, config: DEFAULT_PACKAGER_CONFIG });
  const texts = new PlaylistTexts();
  const checkers = new Map<string, PlaylistChecker>();
  const violations: string[] = [];
  packager.tracks([VIDEO, SMALL_VIDEO, AUDIO]);
  let soundAt = 0;
  for (let frame = 0; frame < seconds * RATE; frame++) {
    const at = frame / RATE;
    const late = Math.round(smallKeysLate * RATE);
    if (sends('small', at)) packager.unit(smallPicture(at + smallAhead, frame === 0 || frame % RATE === late));
    if (sends('large', at)) packager.unit(picture(at, frame % RATE === 0));
    for (; soundAt <= at; soundAt += 1024 / 48_000) packager.unit(sound(soundAt));
    clock.advance(1000 / RATE);
    onFrame?.(packager, at);
    if (!packager.ready) continue;
    for (const rendition of packager.renditions) {
      const checker = checkers.get(rendition.name) ?? new PlaylistChecker({ shortParts: 'forbidden' });
      checkers.set(rendition.name, checker);
      const text = new TextDecoder().decode(texts.media(packager, rendition, '', false).plain);
      violations.push(...checker.check(text).map((violation) => `${rendition.name}: ${violation}`));
    }
  }
  return { packager, violations };
}

function named(packager: Packager, name: string): Rendition {
  const rendition = packager.rendition(name);
  if (!rendition) throw new Error(`no rendition ${name}`);
  return rendition;
}

function complete(rendition: Rendition): Segment[] {
  return rendition.segments.filter((segment) => segment.complete && segment.parts.some((part) => !part.gap));
}

function startOf(segment: Segment): number {
  return (segment.startTicks ?? Number.NaN) / segment.timescale;
}

it('makes a rendition of each size, with the same segments beginning with key frames', () => {
  const { packager, violations } = broadcast({ seconds: 12 });
  expect(violations).toEqual([]);
  const large = complete(named(packager, 'video'));
  const small = complete(named(packager, 'video2'));
  expect(large.length).toBeGreaterThan(4);
  expect(small.map((segment) => [segment.msn, startOf(segment), segment.seconds])).toEqual(large.map((segment) => [segment.msn, startOf(segment), segment.seconds]));
  for (const segment of [...large, ...small]) expect(segment.parts[0]?.independent).toBe(true);
});

it.each([
  ['late by two frames', { smallKeysLate: 2 / RATE }],
  ['late by a third of a second', { smallKeysLate: 10 / RATE }],
  ['early by two frames', { smallKeysLate: 28 / RATE }],
  ['at other times, for the clock of the source is ahead', { smallAhead: 0.11 }],
  ['at other times, for the clock of the source is behind', { smallAhead: -0.05, sends: (size: string, at: number) => size === 'large' || at > 0.1 }],
])('cuts the other size at its own key frame when that is %s', (_name, how) => {
  const { packager, violations } = broadcast({ seconds: 12, ...how });
  expect(violations).toEqual([]);
  const large = complete(named(packager, 'video'));
  const small = complete(named(packager, 'video2')).slice(1);
  expect(small.length).toBeGreaterThan(3);
  for (const segment of small) {
    expect(segment.parts[0]?.independent).toBe(true);
    expect(Math.abs(startOf(segment) - startOf(large.find(({ msn }) => msn === segment.msn) ?? segment))).toBeLessThanOrEqual(0.4);
  }
  expect(packager.counters.forcedCuts).toBe(0);
});

it('cuts without a key frame where the other size has none, and does not wait', () => {
  const { packager, violations } = broadcast({ seconds: 12, smallKeysLate: 15 / RATE });
  expect(violations).toEqual([]);
  const large = complete(named(packager, 'video'));
  for (const segment of complete(named(packager, 'video2')).slice(1)) {
    expect(Math.abs(startOf(segment) - startOf(large.find(({ msn }) => msn === segment.msn) ?? segment))).toBeLessThanOrEqual(0.5);
  }
  expect(packager.counters.forcedCuts).toBeGreaterThan(0);
});

it('goes on with the small size when the large one falls silent: gaps, no stall, and back again', () => {
  let longestStall = 0;
  let partsAt = 0;
  let parts = 0;
  const { packager, violations } = broadcast({
    seconds: 24,
    sends: (size, at) => size === 'small' || at < 8 || at >= 16,
    onFrame: (running, at) => {
      const now = running.rendition('video2')?.segments.reduce((sum, segment) => sum + segment.parts.length, 0) ?? 0;
      if (now !== parts) partsAt = at;
      else longestStall = Math.max(longestStall, at - Math.max(1, partsAt));
      parts = now;
    },
  });
  expect(violations).toEqual([]);
  expect(longestStall).toBeLessThan(1.2);
  const large = named(packager, 'video');
  const small = named(packager, 'video2');
  expect(large.open.msn).toBe(small.open.msn);
  const gaps = large.segments.filter((segment) => segment.gap && segment.startsAt > packager.createdAt + 8000);
  expect(gaps.length).toBeGreaterThanOrEqual(3);
  for (const { seconds } of gaps) expect(seconds).toBeLessThan(3);
  const last = complete(large).at(-1);
  expect(last?.parts[0]?.independent).toBe(true);
  expect(last && startOf(last)).toBe(startOf(small.segments.find(({ msn }) => msn === last?.msn) ?? small.open));
  for (const segment of complete(small).slice(1)) expect(segment.seconds).toBeCloseTo(2, 5);
});

it('lists each size as a variant, and leaves out one that has fallen silent', () => {
  const { packager } = broadcast({ seconds: 12 });
  const text = multivariantText(packager, '');
  expect(text).toMatch(/RESOLUTION=1280x720,FRAME-RATE=30\.000,AUDIO="audio"\nvideo\/index\.m3u8\n/);
  expect(text).toMatch(/CODECS="avc1\.42001e,mp4a\.40\.2",RESOLUTION=640x360,FRAME-RATE=30\.000,AUDIO="audio"\nvideo2\/index\.m3u8\n/);
  const silent = broadcast({ seconds: 16, sends: (size, at) => size === 'large' || at < 6 });
  expect(silent.violations).toEqual([]);
  expect(multivariantText(silent.packager, '')).not.toContain('video2');
});

it('reports the other renditions in each playlist', () => {
  const { packager } = broadcast({ seconds: 6 });
  const text = new TextDecoder().decode(new PlaylistTexts().media(packager, named(packager, 'video'), '', false).plain);
  expect(text).toMatch(/EXT-X-RENDITION-REPORT:URI="\.\.\/video2\/index\.m3u8",LAST-MSN=\d+,LAST-PART=\d+/);
  expect(text).toMatch(/EXT-X-RENDITION-REPORT:URI="\.\.\/audio\/index\.m3u8"/);
});

it('keeps the numbers of both sizes together over a publisher that drops and returns', () => {
  const { packager } = broadcast({ seconds: 5 });
  packager.pause();
  packager.tracks([VIDEO, SMALL_VIDEO, AUDIO]);
  for (let frame = 0; frame < 150; frame++) {
    packager.unit(smallPicture(20 + frame / RATE, frame % RATE === 0));
    packager.unit(picture(20 + frame / RATE, frame % RATE === 0));
  }
  const numbers = (name: string) => named(packager, name).segments.map(({ msn, discontinuity, discontinuitySequence }) => [msn, discontinuity, discontinuitySequence]);
  expect(numbers('video2')).toEqual(numbers('video'));
  expect(numbers('video').some(([, discontinuity]) => discontinuity === true)).toBe(true);
});

it('begins with the small size behind a discontinuity when the large one stays away', () => {
  const { packager } = broadcast({ seconds: 5 });
  packager.tracks([VIDEO, SMALL_VIDEO, AUDIO]);
  for (let frame = 0; frame < 150; frame++) packager.unit(smallPicture(6 + frame / RATE, frame % RATE === 0));
  const segments = complete(named(packager, 'video2')).filter(({ discontinuitySequence }) => discontinuitySequence === 1);
  expect(segments.length).toBeGreaterThanOrEqual(2);
  for (const segment of segments) expect(segment.parts[0]?.independent).toBe(true);
  // The silent one is waited for a second at each boundary.
  expect(named(packager, 'video2').open.msn - named(packager, 'video').open.msn).toBeLessThanOrEqual(1);
});

it('tells DASH players of one picture at two sizes', () => {
  const { packager } = broadcast({ seconds: 12 });
  const text = new PackagerManifest(packager).text({ streamId: 'stream', query: '', now: packager.createdAt + 12_000 }) ?? '';
  const [period = ''] = /<Period[\s\S]*?<\/Period>/.exec(text) ?? [];
  expect(period.match(/<AdaptationSet /g)).toHaveLength(2);
  const [set = ''] = /<AdaptationSet [\s\S]*?<\/AdaptationSet>/.exec(period) ?? [];
  expect(set.match(/<Representation id="(video2?)"/g)).toEqual(['<Representation id="video"', '<Representation id="video2"']);
  expect(set.match(/<SegmentTemplate /g)).toHaveLength(2);
});
