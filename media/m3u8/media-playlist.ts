/** Writes a media playlist of a live rendition as rfc8216bis asks, whole or as a delta update. */

/** One part of a segment. */
export interface PlaylistPart {
  readonly uri: string;
  readonly seconds: number;
  /** True when decoding can begin with its first frame. */
  readonly independent: boolean;
  /** True when there is nothing to load. */
  readonly gap: boolean;
}

/** One media segment; an incomplete one shows its parts alone. */
export interface PlaylistSegment {
  readonly uri: string;
  readonly mapUri: string;
  readonly seconds: number;
  readonly parts: readonly PlaylistPart[];
  readonly complete: boolean;
  /** True when there is nothing to load. */
  readonly gap: boolean;
  readonly discontinuity: boolean;
  /** Discontinuities up to and with this segment. */
  readonly discontinuitySequence: number;
  /** Milliseconds since the Unix epoch of its first frame. */
  readonly startsAt: number;
}

/** Another rendition's live edge. */
export interface RenditionReport {
  readonly uri: string;
  readonly lastMsn: number;
  readonly lastPart: number | undefined;
}

/** What never changes while a playlist lives: players give up when it does. */
export interface PlaylistHeader {
  readonly targetSeconds: number;
  readonly partTargetSeconds: number;
  readonly holdBackSeconds: number;
  readonly partHoldBackSeconds: number;
  readonly skipUntilSeconds: number;
}

export interface MediaPlaylist {
  readonly header: PlaylistHeader;
  /** Number of the first segment. */
  readonly mediaSequence: number;
  readonly segments: readonly PlaylistSegment[];
  readonly ended: boolean;
  /** URI of the part to come; undefined after the end. */
  readonly hint: string | undefined;
  readonly reports: readonly RenditionReport[];
}

export interface PlaylistOptions {
  /** Appended to every URI: `` or `?token=…`. */
  readonly query: string;
  /** Leave out what a player of this playlist already has. */
  readonly skip: boolean;
}

/** Parts leave the playlist this many target durations behind the end (rfc8216bis §6.2.2). */
const PART_TARGET_DURATIONS = 3;

export function writeMediaPlaylist(playlist: MediaPlaylist, { query, skip }: PlaylistOptions): string {
  const { header, segments, mediaSequence } = playlist;
  const first = segments[0];
  // The tag of the first segment stays with it, so what the header counts is what has rolled off.
  const rolledOff = first ? first.discontinuitySequence - (first.discontinuity ? 1 : 0) : 0;
  const skipped = skip ? countSkipped(playlist) : 0;
  let text = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:${header.targetSeconds}
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=${header.skipUntilSeconds},HOLD-BACK=${header.holdBackSeconds},PART-HOLD-BACK=${header.partHoldBackSeconds}
#EXT-X-PART-INF:PART-TARGET=${header.partTargetSeconds}
#EXT-X-MEDIA-SEQUENCE:${mediaSequence}
`;
  if (rolledOff > 0) text += `#EXT-X-DISCONTINUITY-SEQUENCE:${rolledOff}\n`;
  if (skipped > 0) text += `#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}\n`;
  const partsFrom = firstWithin(segments, PART_TARGET_DURATIONS * header.targetSeconds);
  let map: string | undefined;
  for (const [i, segment] of segments.entries()) {
    if (i < skipped) continue;
    if (!segment.complete && segment.parts.length === 0) break;
    const newMap = segment.mapUri !== map;
    map = segment.mapUri;
    text += writeSegment(segment, { query, newMap, listParts: i >= partsFrom });
  }
  if (playlist.ended) return `${text}${writeReports(playlist, query)}#EXT-X-ENDLIST\n`;
  const last = segments.at(-1);
  if (last && !last.complete && last.parts.length === 0 && last.mapUri !== map) text += `#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="${last.mapUri}${query}"\n`;
  if (playlist.hint !== undefined) text += `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${playlist.hint}${query}"\n`;
  return text + writeReports(playlist, query);
}

function writeSegment(segment: PlaylistSegment, { query, newMap, listParts }: { query: string; newMap: boolean; listParts: boolean }): string {
  let text = segment.discontinuity ? '#EXT-X-DISCONTINUITY\n' : '';
  if (newMap) text += `#EXT-X-MAP:URI="${segment.mapUri}${query}"\n`;
  if (segment.complete && !listParts) return `${text}${finishedLines(segment)}${query}\n`;
  text += `#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.startsAt).toISOString()}\n`;
  if (listParts || !segment.complete) {
    for (const part of segment.parts)
      text += `#EXT-X-PART:DURATION=${decimal(part.seconds)},URI="${part.uri}${query}"${part.independent ? ',INDEPENDENT=YES' : ''}${part.gap ? ',GAP=YES' : ''}\n`;
  }
  if (!segment.complete) return text;
  if (segment.gap) text += '#EXT-X-GAP\n';
  return `${text}#EXTINF:${decimal(segment.seconds)},\n${segment.uri}${query}\n`;
}

/** What is said of a segment that is whole, without its parts, up to its URI. A window of hours is written again and again, and they stay the same. */
const finished = new WeakMap<PlaylistSegment, string>();

function finishedLines(segment: PlaylistSegment): string {
  const known = finished.get(segment);
  if (known !== undefined) return known;
  const gap = segment.gap ? '#EXT-X-GAP\n' : '';
  const lines = `#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.startsAt).toISOString()}\n${gap}#EXTINF:${decimal(segment.seconds)},\n${segment.uri}`;
  finished.set(segment, lines);
  return lines;
}

function writeReports({ reports }: MediaPlaylist, query: string): string {
  let text = '';
  for (const { uri, lastMsn, lastPart } of reports) {
    text += `#EXT-X-RENDITION-REPORT:URI="${uri}${query}",LAST-MSN=${lastMsn}${lastPart === undefined ? '' : `,LAST-PART=${lastPart}`}\n`;
  }
  return text;
}

/** Segments wholly before the skip boundary. Skipping one saves nothing: the tag is as long. */
function countSkipped({ header, segments }: MediaPlaylist): number {
  const count = firstWithin(segments, header.skipUntilSeconds);
  return count > 1 ? count : 0;
}

/** Index of the first segment that ends less than `seconds` before the end of the playlist. */
function firstWithin(segments: readonly PlaylistSegment[], seconds: number): number {
  let behind = 0;
  for (let i = segments.length - 1; i >= 0; i--) {
    if (behind > seconds) return i + 1;
    behind += segments[i]?.seconds ?? 0;
  }
  return 0;
}

/** Five decimals tell 1/90 000 s; zeros at the end tell nothing. */
function decimal(seconds: number): string {
  return String(Math.round(seconds * 100_000) / 100_000);
}
