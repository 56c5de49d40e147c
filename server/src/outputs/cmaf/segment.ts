/** A segment of a rendition as it lies in memory: its parts, each one buffer, shared by everybody who reads them. */

import type { PlaylistPart, PlaylistSegment } from '@millrace/media/m3u8/media-playlist';
import type { Track } from '@millrace/media/track';

export interface Part extends PlaylistPart {
  readonly body: Uint8Array;
}

/** Grows while it is open; nothing changes once it is complete. */
export class Segment implements PlaylistSegment {
  readonly msn: number;
  readonly uri: string;
  readonly mapUri: string;
  readonly discontinuity: boolean;
  readonly discontinuitySequence: number;
  readonly parts: Part[] = [];
  /** Where the segment begins on the broadcast's timeline, in its track's ticks; undefined before its first frame. */
  startTicks: number | undefined;
  durationTicks = 0;
  /** Where the first segment with the same discontinuity number began, seconds. */
  periodStart: number | undefined;
  track: Track | undefined;
  timescale = 1;
  startsAt = 0;
  seconds = 0;
  bytes = 0;
  complete = false;
  gap = false;
  /** Nothing continues this segment: it ends where the publisher left or changed its formats. */
  final = false;

  constructor(at: { readonly msn: number; readonly uri: string; readonly mapUri: string; readonly discontinuity: boolean; readonly discontinuitySequence: number }) {
    this.msn = at.msn;
    this.uri = at.uri;
    this.mapUri = at.mapUri;
    this.discontinuity = at.discontinuity;
    this.discontinuitySequence = at.discontinuitySequence;
  }

  /** The whole segment is its parts one after the other. */
  get bodies(): readonly Uint8Array[] {
    return this.parts.map((part) => part.body);
  }
}
