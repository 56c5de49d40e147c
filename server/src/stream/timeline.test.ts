import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AUDIO, picture, sound, VIDEO } from './testing/source.ts';
import { Timeline } from './timeline.ts';

const SECOND = 1_000_000;

function trackOf(unit: Unit): Track {
  return unit.track === VIDEO.id ? VIDEO : AUDIO;
}

/** Maps at the wall time `atSeconds`; the result's dts in seconds, or undefined when dropped. */
function mapAt(timeline: Timeline, unit: Unit, atSeconds: number): number | undefined {
  const mapped = timeline.map(unit, trackOf(unit), Math.round(atSeconds * SECOND));
  return mapped && mapped.dts / trackOf(unit).timescale;
}

/** Both tracks in step for `seconds` of wall time, from `from` on, their source clock `ahead` of it. Returns what came out last of each. */
function play(timeline: Timeline, from: number, seconds: number, ahead: number): { video: number; audio: number } {
  let video = Number.NaN;
  let audio = Number.NaN;
  for (let at = from; at < from + seconds; at += 0.04) {
    video = mapAt(timeline, picture(at + ahead, true), at) ?? video;
    audio = mapAt(timeline, sound(at + ahead), at) ?? audio;
  }
  return { video, audio };
}

describe('Timeline', () => {
  it('puts the first unit where the wall clock is', () => {
    expect(mapAt(new Timeline(), picture(1234, true), 5)).toBe(5);
  });

  it('keeps the composition offset', () => {
    const mapped = new Timeline().map({ ...picture(10, true), pts: 10 * 90_000 + 3000 }, VIDEO, 0);
    expect(mapped).toMatchObject({ dts: 0, pts: 3000 });
  });

  it('never writes a time before zero: what leads the first unit is dropped', () => {
    const timeline = new Timeline();
    expect(mapAt(timeline, picture(10, true), 0)).toBe(0);
    expect(mapAt(timeline, sound(9.98), 0)).toBeUndefined();
    expect(mapAt(timeline, sound(10.02), 0)).toBeCloseTo(0.02);
    expect(timeline.counters).toEqual({ repaired: 0, jumps: 0, stale: 1 });
  });

  it('raises a pts below its dts and counts it', () => {
    const timeline = new Timeline();
    const mapped = timeline.map({ ...picture(10, true), pts: 10 * 90_000 - 3000 }, VIDEO, 0);
    expect(mapped?.pts).toBe(mapped?.dts);
    expect(timeline.counters.repaired).toBe(1);
  });

  it('repairs equal and slightly falling dts by a tick', () => {
    const timeline = new Timeline();
    mapAt(timeline, picture(1, true), 0);
    const ticks = [1, 0.9, 1.04].map((at) => timeline.map(picture(at), VIDEO, 0)?.dts);
    expect(ticks).toEqual([1, 2, 3600]);
    expect(timeline.counters).toEqual({ repaired: 2, jumps: 0, stale: 0 });
  });

  it('keeps both tracks in step over a jump forward, and counts one jump', () => {
    const timeline = new Timeline();
    play(timeline, 0, 4, 0);
    const after = play(timeline, 4, 4, 1000);
    expect(Math.abs(after.video - after.audio)).toBeLessThan(0.01);
    expect(after.video).toBeCloseTo(7.96, 1);
    expect(timeline.counters.jumps).toBe(1);
  });

  it('keeps both tracks in step over a jump back', () => {
    const timeline = new Timeline();
    play(timeline, 0, 10, 500);
    const after = play(timeline, 10, 4, 0);
    expect(Math.abs(after.video - after.audio)).toBeLessThan(0.01);
    expect(timeline.counters.jumps).toBe(1);
  });

  it('takes a short step back of both tracks for a jump, not for two seconds of repairs', () => {
    const timeline = new Timeline();
    play(timeline, 0, 10, 0);
    const after = play(timeline, 10, 4, -2);
    expect(after.video).toBeGreaterThan(13.9);
    expect(Math.abs(after.video - after.audio)).toBeLessThan(0.05);
    expect(timeline.counters.jumps).toBe(1);
    expect(timeline.counters.repaired).toBeLessThanOrEqual(2);
  });

  it('writes units of the other track from before a jump where they belong', () => {
    const timeline = new Timeline();
    play(timeline, 0, 4, 0);
    expect(mapAt(timeline, picture(1004, true), 4)).toBeCloseTo(4, 1);
    expect(mapAt(timeline, sound(4), 4)).toBeCloseTo(4, 1);
    expect(mapAt(timeline, sound(4.02), 4)).toBeCloseTo(4.02, 1);
    expect(mapAt(timeline, sound(1004.04), 4.04)).toBeCloseTo(4.04, 1);
    expect(timeline.counters.jumps).toBe(1);
  });

  it('leaves a silence of the whole publisher as a gap', () => {
    const timeline = new Timeline();
    play(timeline, 0, 4, 0);
    expect(mapAt(timeline, picture(24, true), 24)).toBeCloseTo(24, 1);
    expect(timeline.counters.jumps).toBe(0);
  });

  it('lets one track be silent and return in step', () => {
    const timeline = new Timeline();
    play(timeline, 0, 4, 7);
    for (let at = 4; at < 30; at += 0.04) mapAt(timeline, picture(at + 7, true), at);
    const audio = mapAt(timeline, sound(37), 30);
    expect(audio).toBeCloseTo(30, 1);
    expect(timeline.counters.jumps).toBe(0);
  });

  it('gives tracks whose clocks have nothing in common a place each, once', () => {
    const timeline = new Timeline();
    let video: number | undefined;
    let audio: number | undefined;
    for (let at = 0; at < 5; at += 0.04) {
      video = mapAt(timeline, picture(at, true), at);
      audio = mapAt(timeline, sound(at + 5000), at);
    }
    expect(video).toBeCloseTo(4.96, 1);
    expect(audio).toBeCloseTo(4.96, 1);
    expect(timeline.counters.jumps).toBe(0);
  });

  it('begins a new publisher where the wall clock is, behind what its predecessor wrote', () => {
    const timeline = new Timeline();
    play(timeline, 0, 4, 0);
    timeline.beginPublication();
    expect(mapAt(timeline, picture(0, true), 24)).toBe(24);
    timeline.beginPublication();
    expect(mapAt(timeline, picture(77, true), 3)).toBeGreaterThan(24);
  });

  it('drops what a new publisher’s second track has before the place of the first', () => {
    const timeline = new Timeline();
    const before = play(timeline, 0, 4, 0);
    timeline.beginPublication();
    mapAt(timeline, picture(100, true), 0);
    const first = [99.5, 99.9, 100.02, 100.04].map((at) => mapAt(timeline, sound(at), 0));
    expect(first.slice(0, 2)).toEqual([undefined, undefined]);
    expect(first[2]).toBeGreaterThan(before.audio);
    expect((first[3] ?? 0) - (first[2] ?? 0)).toBeCloseTo(0.02, 3);
  });

  it('does not let a clock that stands still hold up the timeline', () => {
    const timeline = new Timeline();
    let last = 0;
    for (let at = 0; at < 60; at += 0.04) last = mapAt(timeline, picture(1, true), at) ?? last;
    expect(last).toBeGreaterThan(56);
  });

  it('[hostile clocks] writes rising times with pts ≥ dts ≥ 0, and stays within a few seconds of a source that runs', () => {
    const step = fc.record({
      track: fc.constantFrom(VIDEO, AUDIO),
      kind: fc.oneof({ weight: 30, arbitrary: fc.constant('run' as const) }, { weight: 1, arbitrary: fc.constantFrom('jump' as const, 'slip' as const, 'publisher' as const) }),
      by: fc.integer({ min: -5_000_000, max: 5_000_000 }),
      composition: fc.integer({ min: -4000, max: 9000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const timeline = new Timeline();
        const last = new Map<number, number>();
        let wallMs = 0;
        let sourceMs = 1000;
        for (const { track, kind, by, composition } of steps) {
          wallMs += 20;
          sourceMs += 20;
          if (kind === 'jump') sourceMs += by;
          if (kind === 'publisher') {
            timeline.beginPublication();
            sourceMs = Math.abs(by);
          }
          const dts = ((sourceMs + (kind === 'slip' ? by % 3000 : 0)) * track.timescale) / 1000;
          const mapped = timeline.map({ track: track.id, dts, pts: dts + composition, key: true, data: new Uint8Array(0) }, track, wallMs * 1000);
          if (!mapped) continue;
          expect(mapped.dts).toBeGreaterThanOrEqual(0);
          expect(Number.isInteger(mapped.dts)).toBe(true);
          expect(mapped.pts).toBeGreaterThanOrEqual(mapped.dts);
          expect(mapped.dts).toBeGreaterThan(last.get(track.id) ?? -1);
          last.set(track.id, mapped.dts);
        }
      }),
      { seed: 20_261_121, numRuns: 300 },
    );
  });

  it('[resumption] runs again within four seconds of wall time after any single fault, with both tracks in step', () => {
    fc.assert(
      fc.property(fc.integer({ min: -10_000, max: 10_000 }), fc.integer({ min: -40, max: 40 }), fc.boolean(), (coarse, fine, audioFirst) => {
        const by = Math.abs(coarse) < 2_000 ? fine / 10 : coarse;
        const timeline = new Timeline();
        play(timeline, 0, 4, 20_000);
        const written: Record<number, number[]> = { [VIDEO.id]: [], [AUDIO.id]: [] };
        for (let at = 4; at < 12; at += 0.04) {
          const units = [picture(at + 20_000 + by, true), sound(at + 20_000 + by)];
          for (const unit of audioFirst ? units.reverse() : units) {
            const dts = mapAt(timeline, unit, at);
            if (dts !== undefined && at > 8) written[unit.track]?.push(dts);
          }
        }
        const [video = [], audio = []] = [written[VIDEO.id], written[AUDIO.id]];
        expect(video.length + audio.length).toBeGreaterThan(180);
        expect((video.at(-1) ?? 0) - (video[0] ?? 0)).toBeGreaterThan(3.5);
        expect(Math.abs((video.at(-1) ?? 0) - (audio.at(-1) ?? 99))).toBeLessThan(0.05);
      }),
      { seed: 20_261_122, numRuns: 300 },
    );
  });
});
