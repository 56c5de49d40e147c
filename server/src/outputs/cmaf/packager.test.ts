import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { AUDIO, picture, sound, VIDEO } from '../../stream/testing/source.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from './packager.ts';

interface Source {
  readonly seconds: number;
  readonly keySeconds: number;
  /** Where the sound ends, seconds. */
  readonly soundFrom?: number;
  readonly soundUntil?: number;
}

/** A packager that has been given `seconds` of 30 fps video with a key frame every `keySeconds`, and sound. */
function packaged({ seconds, keySeconds, soundFrom = 0, soundUntil = seconds }: Source): Packager {
  const clock = new FakeClock();
  const packager = new Packager({ broadcast: { epoch: 'epoch', createdAt: clock.now() }, clock, config: DEFAULT_PACKAGER_CONFIG });
  packager.tracks([VIDEO, AUDIO]);
  const frames = Math.round(keySeconds * 30);
  let soundAt = soundFrom;
  for (let frame = 0; frame < seconds * 30; frame++) {
    packager.unit(picture(frame / 30, frame % frames === 0));
    for (; soundAt <= Math.min(frame / 30, soundUntil); soundAt += 1024 / 48_000) packager.unit(sound(soundAt));
  }
  return packager;
}

function segmentsOf(packager: Packager, name: string) {
  return (packager.rendition(name)?.segments ?? []).filter((segment) => !segment.gap);
}

describe('a packager', () => {
  it('cuts segments at key frames, near the wanted duration', () => {
    const segments = segmentsOf(packaged({ seconds: 12, keySeconds: 1 }), 'video').filter((segment) => segment.complete);
    expect(segments.every((segment) => segment.parts[0]?.independent)).toBe(true);
    for (const segment of segments.slice(1)) expect(segment.seconds).toBeCloseTo(2, 6);
  });

  it.each([
    ['250 frames, as x264 leaves it', 250 / 30],
    ['longer than a segment may be', 11],
  ])('lets players begin at every key frame, however far apart they are: %s', (_name, keySeconds) => {
    const packager = packaged({ seconds: 50, keySeconds });
    const segments = segmentsOf(packager, 'video');
    const from = (segments[0]?.startTicks ?? 0) / VIDEO.timescale;
    const keys = segments.filter((segment) => segment.parts[0]?.independent).map((segment) => Math.round((segment.startTicks ?? 0) / VIDEO.timescale / keySeconds));
    expect(keys).toEqual(Array.from({ length: Math.ceil(50 / keySeconds - 0.01) }, (_, i) => i).filter((i) => i * keySeconds >= from - 0.01));
    expect(Math.max(...segments.map((segment) => Math.round(segment.seconds)))).toBeLessThanOrEqual(packager.rendition('video')?.header.targetSeconds ?? 0);
  });

  it('ends segments of sound where those of the picture end', () => {
    const packager = packaged({ seconds: 12, keySeconds: 2.5 });
    const video = segmentsOf(packager, 'video').filter((segment) => segment.complete);
    const audio = segmentsOf(packager, 'audio');
    for (const segment of video) {
      const twin = audio.find(({ msn }) => msn === segment.msn);
      expect(Math.abs((twin?.startTicks ?? 0) / AUDIO.timescale - (segment.startTicks ?? 0) / VIDEO.timescale)).toBeLessThan(1024 / 48_000);
    }
  });

  it('makes no segment of a publisher who returned for less than a part', () => {
    const packager = packaged({ seconds: 6, keySeconds: 2 });
    packager.pause();
    const before = segmentsOf(packager, 'video').length;
    packager.tracks([VIDEO, AUDIO]);
    for (const frame of [0, 1, 2]) {
      packager.unit(picture(10 + frame / 30, frame === 0));
      packager.unit(sound(10 + frame / 30));
    }
    packager.pause();
    expect(segmentsOf(packager, 'video')).toHaveLength(before);
    packager.tracks([VIDEO, AUDIO]);
    for (let frame = 0; frame < 60; frame++) {
      packager.unit(picture(11 + frame / 30, frame % 30 === 0));
      packager.unit(sound(11 + frame / 30));
    }
    const after = segmentsOf(packager, 'video').slice(before - 1);
    expect(after[0]?.discontinuity).toBe(true);
    expect(after[0]?.startTicks).toBe(11 * VIDEO.timescale);
    expect(packager.leading?.open.discontinuitySequence).toBe(1);
  });

  it('dates the gaps in front of each rendition by where its own media begins', () => {
    const packager = packaged({ seconds: 6, keySeconds: 2, soundFrom: 0.1 });
    for (const name of ['video', 'audio']) {
      const segments = packager.rendition(name)?.segments ?? [];
      const first = segments.findIndex(({ gap }) => !gap);
      expect(first).toBe(3);
      for (const [i, { startsAt, seconds }] of segments.slice(0, first).entries()) expect(startsAt + seconds * 1000).toBeCloseTo(segments[i + 1]?.startsAt ?? 0, 3);
    }
    expect(segmentsOf(packager, 'audio')[0]?.startsAt).not.toBe(segmentsOf(packager, 'video')[0]?.startsAt);
  });

  it('lists silence as parts that are gaps: who asks for the part behind them waits for sound', () => {
    const audio = packaged({ seconds: 12.5, keySeconds: 2, soundUntil: 5.5 }).rendition('audio');
    const silent = audio?.segments.filter((segment) => segment.gap && segment.track) ?? [];
    expect(silent.length).toBeGreaterThanOrEqual(2);
    for (const { parts, seconds } of silent) {
      expect(parts.every((part) => part.gap && part.seconds <= (audio?.header.partTargetSeconds ?? 0))).toBe(true);
      expect(parts.reduce((sum, part) => sum + part.seconds, 0)).toBeCloseTo(seconds, 6);
    }
    const last = silent.at(-1);
    expect(audio?.open.msn).toBe((last?.msn ?? 0) + 1);
    expect(audio?.has(last?.msn ?? 0, (last?.parts.length ?? 0) - 1)).toBe(true);
    expect(audio?.has(last?.msn ?? 0, last?.parts.length)).toBe(false);
  });

  it('keeps parts within the part target, and at 85 % of it but for the last of a segment', () => {
    const packager = packaged({ seconds: 20, keySeconds: 3 });
    for (const name of ['video', 'audio']) {
      const target = packager.rendition(name)?.header.partTargetSeconds ?? 0;
      for (const segment of segmentsOf(packager, name)) {
        expect(Math.max(...segment.parts.map((part) => part.seconds))).toBeLessThanOrEqual(target);
        for (const part of segment.parts.slice(0, -1)) expect(part.seconds).toBeGreaterThanOrEqual(0.85 * target);
      }
    }
  });
});
