/** A segment as playlists and manifests list it, whether it is in memory or was moved to disk; and who keeps those on disk. */
import type { PlaylistSegment } from '@millrace/media/m3u8/media-playlist';
import type { Track } from '@millrace/media/track';

export interface ListedSegment extends PlaylistSegment {
  readonly msn: number;
  /** Where it begins on the broadcast's timeline, in its track's ticks; undefined where it has no frame. */
  readonly startTicks: number | undefined;
  readonly durationTicks: number;
  readonly timescale: number;
  readonly bytes: number;
  /** Nothing continues it. */
  readonly final: boolean;
  readonly track: Track | undefined;
}

/** The media of a segment that is not in memory: read when it is sent. */
export interface StoredMedia {
  /** A file and the place in it. */
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
  readonly kind: 'video' | 'audio';
}

/** What a broadcast had before what is in memory. */
export interface PastSegments {
  /** In order and without holes in their numbers; players may go back to the first. */
  segments(rendition: string): readonly ListedSegment[];
  /** Undefined when it is not there, or no longer. */
  find(rendition: string, msn: number): ListedSegment | undefined;
  media(rendition: string, msn: number): StoredMedia | undefined;
}
