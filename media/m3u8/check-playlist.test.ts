/** The checker finds what it is there to find, and survives anything. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PlaylistChecker } from './check-playlist.ts';
import { type MediaPlaylist, type PlaylistSegment, writeMediaPlaylist } from './media-playlist.ts';

const HEADER = { targetSeconds: 4, partTargetSeconds: 0.2, holdBackSeconds: 12, partHoldBackSeconds: 0.6, skipUntilSeconds: 24 };

function segment(msn: number, change: Partial<PlaylistSegment> = {}): PlaylistSegment {
  const parts = Array.from({ length: 10 }, (_, i) => ({ uri: `${msn}.${i}.m4s`, seconds: 0.2, independent: i === 0, gap: false }));
  return { uri: `${msn}.m4s`, mapUri: 'init.mp4', seconds: 2, parts, complete: true, gap: false, discontinuity: false, discontinuitySequence: 0, startsAt: msn * 2000, ...change };
}

function playlist(change: Partial<MediaPlaylist> = {}): MediaPlaylist {
  return { header: HEADER, mediaSequence: 5, segments: Array.from({ length: 20 }, (_, i) => segment(5 + i)), ended: false, hint: '25.0.m4s', reports: [], ...change };
}

function write(change: Partial<MediaPlaylist> = {}, skip = false): string {
  return writeMediaPlaylist(playlist(change), { query: '', skip });
}

test('a playlist that keeps the rules has no violations, whole, skipped and ended', () => {
  const checker = new PlaylistChecker();
  expect(checker.check(write())).toEqual([]);
  const delta = write({}, true);
  expect(delta).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=');
  expect(checker.check(delta)).toEqual([]);
  expect(checker.check(write({ ended: true, hint: undefined }))).toEqual([]);
});

test.each<[string, string, RegExp]>([
  ['a part longer than the target', write().replace('DURATION=0.2,URI="24.3', 'DURATION=0.3,URI="24.3'), /exceeds PART-TARGET/],
  ['a short part in mid-segment', write().replace('DURATION=0.2,URI="24.3', 'DURATION=0.1,URI="24.3'), /under 85 %/],
  ['a segment longer than the target', write().replace('#EXTINF:2,\n24', '#EXTINF:4.6,\n24'), /exceeds TARGETDURATION/],
  ['no hint', write().replace(/#EXT-X-PRELOAD-HINT.*\n/, ''), /0 hints/],
  ['a hint behind the end', `${write()}#EXT-X-ENDLIST\n`, /behind the end/],
  ['a hold-back under three parts', write().replace('PART-HOLD-BACK=0.6', 'PART-HOLD-BACK=0.5'), /PART-HOLD-BACK/],
  ['a window under three targets', write({ segments: [segment(5)] }), /three target durations/],
  ['a map behind the first part', write().replace('#EXTINF:2,\n24', '#EXT-X-MAP:URI="x"\n#EXTINF:2,\n24'), /behind its first part/],
  ['no date', write().replace(/#EXT-X-PROGRAM-DATE-TIME.*\n/, ''), /no EXT-X-PROGRAM-DATE-TIME/],
])('%s is found', (_name, text, message) => {
  expect(new PlaylistChecker().check(text).join('\n')).toMatch(message);
});

test.each<[string, Partial<MediaPlaylist>, RegExp]>([
  ['a target that changes', { header: { ...HEADER, partTargetSeconds: 0.19 } }, /PART-TARGET changed/],
  ['a sequence that goes back', { mediaSequence: 4 }, /went back/],
  ['a segment that changes', { segments: [segment(5, { uri: 'other.m4s' }), ...playlist().segments.slice(1)] }, /changed its URI/],
  ['a discontinuity number that changes', { segments: playlist().segments.map((each) => ({ ...each, discontinuitySequence: 1 })) }, /discontinuity/],
])('%s between reloads is found', (_name, change, message) => {
  const checker = new PlaylistChecker();
  expect(checker.check(write())).toEqual([]);
  expect(checker.check(write(change)).join('\n')).toMatch(message);
});

test('any text gives violations, never an exception', () => {
  const lines = fc.constantFrom(
    ...write().split('\n'),
    '#EXT-X-SKIP:SKIPPED-SEGMENTS=999999999999',
    '#EXT-X-PART:',
    '#EXTINF:',
    '#EXT-X-MAP:URI="',
    '#EXT-X-SKIP:SKIPPED-SEGMENTS=-1',
  );
  const text = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.array(lines, { maxLength: 60 }).map((all) => all.join('\n')),
  );
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 3 }), (texts) => {
      const checker = new PlaylistChecker();
      for (const each of texts) expect(Array.isArray(checker.check(each))).toBe(true);
    }),
  );
});
