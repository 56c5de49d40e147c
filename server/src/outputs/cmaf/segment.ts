/** A segment of a rendition as it lies in memory: its parts, shared by everybody who reads them. */

import type { PlaylistPart } from '@millrace/media/m3u8/media-playlist';
import type { Slabs } from '@millrace/media/slabs';
import type { Track } from '@millrace/media/track';
import type { ListedSegment } from './listed-segment.ts';

/** Pieces that hold more memory than this many times their length are copied out of it at once. */
const MAX_HELD_SHARE = 2;

/** Of the head of a part and of media that come one after the other. Who spreads few bytes over more has them copied out. */
const USUAL_BUFFERS = 3;

const NOTHING = new Uint8Array();

/**
 * A part is put together when somebody asks for it first: until then it is the pieces it was made of, as they came from the
 * network. A broadcast that nobody watches by HTTP is never copied.
 */
export class Part implements PlaylistPart {
  readonly uri: string;
  readonly seconds: number;
  readonly independent: boolean;
  readonly gap: boolean;
  /** Length of the body. */
  readonly bytes: number;
  #pieces: readonly Uint8Array[] | undefined;
  #body: Uint8Array = NOTHING;
  readonly #memory: Slabs;

  /**
   * @param pieces its bytes in order; none makes it a gap.
   * @param memory of its rendition.
   */
  constructor(at: { readonly uri: string; readonly seconds: number; readonly independent: boolean }, pieces: readonly Uint8Array[], memory: Slabs) {
    this.#memory = memory;
    this.uri = at.uri;
    this.seconds = at.seconds;
    this.independent = at.independent;
    this.gap = pieces.length === 0;
    this.bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#pieces = pieces;
    // Sound that lies between pictures would hold the pictures too.
    if (heldBytes(pieces) > MAX_HELD_SHARE * this.bytes) this.#join(pieces);
  }

  /** Its bytes as they lie in memory now: what writes them once needs no copy. */
  get pieces(): readonly Uint8Array[] {
    return this.#pieces ?? [this.#body];
  }

  get body(): Uint8Array {
    if (this.#pieces) this.#join(this.#pieces);
    return this.#body;
  }

  #join(pieces: readonly Uint8Array[]): void {
    const body = this.#memory.take(this.bytes);
    let at = 0;
    for (const piece of pieces) {
      body.set(piece, at);
      at += piece.length;
    }
    this.#body = body;
    this.#pieces = undefined;
  }
}

/** Memory that the pieces keep from being freed: their own, and what lies between neighbours in one buffer. What lies around them is kept by other parts. */
function heldBytes(pieces: readonly Uint8Array[]): number {
  let held = 0;
  let buffers = 0;
  let last: Uint8Array | undefined;
  for (const piece of pieces) {
    if (piece.buffer === last?.buffer) held += Math.max(0, piece.byteOffset - last.byteOffset - last.length) + piece.length;
    else held += ++buffers > USUAL_BUFFERS ? piece.buffer.byteLength : piece.length;
    last = piece;
  }
  return held;
}

/** Grows while it is open; nothing changes once it is complete. */
export class Segment implements ListedSegment {
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
