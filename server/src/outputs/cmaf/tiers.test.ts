/** Renditions that are made from the leading picture: they begin, rest and come again in step with it, whatever their maker does. */
import { PlaylistChecker } from '@millrace/media/m3u8/check-playlist';
import type { VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { AUDIO, picture, SMALL_VIDEO, smallPicture, sound, VIDEO } from '../../stream/testing/source.ts';
import { PackagerManifest } from '../dash/from-stream.ts';
import { multivariantText, PlaylistTexts } from '../hls/from-stream.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from './packager.ts';
import type { Rendition } from './rendition.ts';
import type { Segment } from './segment.ts';

const RATE = 30;
const TRACK: VideoTrack = { ...SMALL_VIDEO, id: 10_010 };
const TIER = {
  name: '180p',
  track: { ...TRACK, config: new Uint8Array(), codecString: 'avc1.4d401e' },
  bitsPerSecond: 300_000,
  maxFramesPerSecond: 30,
};

interface Show {
  readonly seconds: number;
  /** When the tier is made: from a key frame to the time before which it rests. */
  readonly runs: readonly (readonly [from: number, to: number])[];
  /** How long a picture of the tier is on its way. */
  readonly lag?: number;
  /** When the publisher is lost and comes again at once. */
  readonly returnsAt?: number;
}

/** Sends a source with a key frame every second, sound, and a tier of it. Every state of every playlist is checked. */
function show({ seconds, runs, lag = 0.05, returnsAt }: Show): { packager: Packager; violations: string[]; masters: string[] } {
  const clock = new FakeClock();
  const packager = new Packager({ broadcast: { epoch: 'epoch', createdAt: clock.now() }, clock, config: DEFAULT_PACKAGER_CONFIG });
  const texts = new PlaylistTexts();
  const checkers = new Map<string, PlaylistChecker>();
  const violations: string[] = [];
  const masters: string[] = [];
  packager.tracks([VIDEO, AUDIO], [TIER]);
  let soundAt = 0;
  let made: { readonly at: number; readonly unit: Unit }[] = [];
  let isRunning = false;
  for (let frame = 0; frame < seconds * RATE; frame++) {
    const at = frame / RATE;
    const key = frame % RATE === 0;
    if (at === returnsAt) {
      packager.restTier(TIER.name, true);
      packager.pause();
      packager.tracks([VIDEO, AUDIO], [TIER]);
      made = [];
      isRunning = false;
    }
    const isWanted = runs.some(([from, to]) => from <= at && at < to);
    if (isRunning && !isWanted) {
      packager.restTier(TIER.name, true);
      made = [];
    }
    if (isWanted && !isRunning && key) packager.beginTier(TIER.name, TRACK);
    isRunning = isWanted && (isRunning || key);
    packager.unit(picture(at, key));
    for (; soundAt <= at; soundAt += 1024 / 48_000) packager.unit(sound(soundAt));
    if (isRunning) made.push({ at, unit: { ...smallPicture(at, key), track: TRACK.id } });
    for (const { unit } of made.filter((each) => each.at + lag <= at)) packager.unit(unit);
    made = made.filter((each) => each.at + lag > at);
    clock.advance(1000 / RATE);
    if (!packager.ready) continue;
    masters.push(multivariantText(packager, ''));
    for (const rendition of packager.renditions) {
      const checker = checkers.get(rendition.name) ?? new PlaylistChecker({ shortParts: 'allowed' });
      checkers.set(rendition.name, checker);
      const text = new TextDecoder().decode(texts.media(packager, rendition, '', false).plain);
      violations.push(...checker.check(text).map((violation) => `${rendition.name}: ${violation}`));
    }
  }
  return { packager, violations, masters };
}

function named(packager: Packager, name: string): Rendition {
  const rendition = packager.rendition(name);
  if (!rendition) throw new Error(`no rendition ${name}`);
  return rendition;
}

function shown(rendition: Rendition): { msn: number; start: number; seconds: number }[] {
  return rendition.segments.filter(({ complete, gap }) => complete && !gap).map((segment) => ({ msn: segment.msn, start: startOf(segment), seconds: segment.seconds }));
}

function startOf({ startTicks, timescale }: Segment): number {
  return (startTicks ?? Number.NaN) / timescale;
}

describe('a tier', () => {
  it('is told to players before there is any of it, with what it may need', () => {
    const { masters, violations } = show({ seconds: 3, runs: [] });
    expect(violations).toEqual([]);
    expect(new Set(masters.map((text) => /CODECS="avc1\.4d401e,mp4a\.40\.2",RESOLUTION=\d+x\d+,FRAME-RATE=30\.000,AUDIO="audio"\n180p\/index\.m3u8/.test(text)))).toEqual(
      new Set([true]),
    );
  });

  it.each([0.05, 0.9, 1.9])('that lags by %f s has the segments of the source', (lag) => {
    const { packager, violations } = show({ seconds: 14, runs: [[0, 99]], lag });
    expect(violations).toEqual([]);
    const source = shown(named(packager, 'video'));
    const tier = shown(named(packager, TIER.name));
    // It may have come too late for the first, and what is on its way is not there yet.
    expect(tier.length).toBeGreaterThan(source.length - 3);
    const from = source.findIndex(({ msn }) => msn === tier[0]?.msn);
    expect(tier).toEqual(source.slice(from, from + tier.length));
  });

  it('that begins later does so where a segment begins, and is a gap before', () => {
    const { packager, violations } = show({ seconds: 10, runs: [[4, 99]] });
    expect(violations).toEqual([]);
    const tier = shown(named(packager, TIER.name));
    expect(tier[0]?.start).toBe(5);
    for (const segment of tier) expect(shown(named(packager, 'video'))).toContainEqual(segment);
  });

  it('that rests and comes again is a gap and no discontinuity, on the same init segment', () => {
    const { packager, violations } = show({
      seconds: 16,
      runs: [
        [0, 5.5],
        [9, 99],
      ],
    });
    expect(violations).toEqual([]);
    const { segments } = named(packager, TIER.name);
    expect(shown(named(packager, TIER.name)).map(({ start }) => start)).toEqual([0, 1, 3, 5, 9, 11, 13]);
    expect(segments.some(({ discontinuity }) => discontinuity)).toBe(false);
    expect(new Set(segments.map(({ mapUri }) => mapUri)).size).toBe(1);
  });

  it('is behind the same discontinuity as the source when the publisher returns', () => {
    const { packager, violations } = show({ seconds: 14, runs: [[0, 99]], returnsAt: 6 });
    expect(violations).toEqual([]);
    const numbers = (name: string) => named(packager, name).segments.map(({ msn, discontinuitySequence }) => [msn, discontinuitySequence]);
    expect(numbers(TIER.name)).toEqual(numbers('video'));
    expect(shown(named(packager, TIER.name)).map(({ msn }) => msn)).toContain(shown(named(packager, 'video')).at(-2)?.msn);
  });

  it('that cannot be had is no longer told', () => {
    const { packager } = show({ seconds: 4, runs: [[0, 99]] });
    packager.restTier(TIER.name, false);
    expect(packager.renditions.map(({ name }) => name)).toEqual(['video', 'audio']);
    expect(multivariantText(packager, '')).not.toContain(TIER.name);
    packager.restTier(TIER.name, true);
    expect(multivariantText(packager, '')).toContain(TIER.name);
  });

  it('is a representation of the source’s adaptation set once it has been there for a whole period, at the same addresses as in HLS', () => {
    const { packager } = show({ seconds: 14, runs: [[4, 99]] });
    const manifest = new PackagerManifest(packager);
    const text = manifest.text({ streamId: 'stream', query: '', now: packager.createdAt + 14_000 }) ?? '';
    const periods = text.split('<Period').slice(1);
    expect(periods.at(-1)).toContain('id="180p"');
    expect(periods.at(-1)).toContain('../../hls/stream/180p/epoch-$Number$.m4s');
    expect(periods[0]).not.toContain('id="180p"');
  });
});
