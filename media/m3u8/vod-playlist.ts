/** Writes a media playlist of what is over: every segment, none of which changes any more (RFC 8216 §4.3.3.5). */
import type { PlaylistSegment } from './media-playlist.ts';

/** EXT-X-GAP needs 8. */
const VERSION = 8;

/** @param query appended to every URI: `` or `?token=…`. */
export function writeVodPlaylist(segments: readonly PlaylistSegment[], query: string): string {
  // RFC 8216 §4.3.3.1: EXTINF rounded to the nearest whole number is at most this.
  const target = Math.max(1, ...segments.map(({ seconds }) => Math.round(seconds)));
  let text = `#EXTM3U\n#EXT-X-VERSION:${VERSION}\n#EXT-X-TARGETDURATION:${target}\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:0\n`;
  let map: string | undefined;
  for (const [i, segment] of segments.entries()) {
    // What precedes the first segment is not there to be continued.
    if (segment.discontinuity && i > 0) text += '#EXT-X-DISCONTINUITY\n';
    if (segment.mapUri !== map && !segment.gap) {
      map = segment.mapUri;
      text += `#EXT-X-MAP:URI="${map}${query}"\n`;
    }
    if (i === 0 || segment.discontinuity) text += `#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.startsAt).toISOString()}\n`;
    if (segment.gap) text += '#EXT-X-GAP\n';
    text += `#EXTINF:${decimal(segment.seconds)},\n${segment.uri}${query}\n`;
  }
  return `${text}#EXT-X-ENDLIST\n`;
}

/** Five decimals tell 1/90 000 s; zeros at the end tell nothing. */
function decimal(seconds: number): string {
  return String(Math.round(seconds * 100_000) / 100_000);
}
