import { expect, test } from 'vitest';
import { liveEdge } from './playlist-links.ts';

test('the live edge is the segment after the last whole one, with the parts that follow it', () => {
  const playlist = [
    '#EXTM3U',
    '#EXT-X-MEDIA-SEQUENCE:7',
    '#EXT-X-PART:DURATION=1,URI="a"',
    '#EXTINF:2,',
    'seven.m4s',
    '#EXTINF:2,',
    'eight.m4s',
    '#EXT-X-PART:DURATION=1,URI="b"',
    '#EXT-X-PART:DURATION=1,URI="c"',
    '',
  ].join('\n');
  expect(liveEdge(playlist)).toEqual({ msn: 9, parts: 2 });
});

test('segments left out of a delta update count', () => {
  expect(liveEdge('#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXTINF:2,\nten.m4s\n')).toEqual({ msn: 11, parts: 0 });
});
