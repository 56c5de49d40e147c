/** What players see of one track: its segments and parts in memory, and who waits for the next. Written by a TrackWriter. */
import type { PlaylistHeader, RenditionReport } from '@millrace/media/m3u8/media-playlist';
import { Slabs } from '@millrace/media/slabs';
import type { Track, VideoTrack } from '@millrace/media/track';
import { Part, Segment } from './segment.ts';

/** A rendition that is made from the leading picture when somebody plays: what players are told before there is any of it. */
export interface Tier {
  readonly name: string;
  /** As it will be; of the configuration only the codec string is known. */
  readonly track: VideoTrack;
  /** The most it uses, over a second. */
  readonly bitsPerSecond: number;
  readonly maxFramesPerSecond: number;
}

export interface RenditionLimits {
  /** Seconds of segments listed. */
  readonly windowSeconds: number;
  /** Bytes kept of listed and lingering segments together. */
  readonly maxBytes: number;
}

export interface RenditionStart {
  readonly name: string;
  readonly epoch: string;
  readonly header: PlaylistHeader;
  readonly limits: RenditionLimits;
  readonly msn: number;
  readonly discontinuitySequence: number;
  /** Segments without media in front: iOS wants a filled playlist before it starts. */
  readonly leadingGaps: number;
  /** When media begins, as far as is known: milliseconds since the Unix epoch. */
  readonly startsAt: number;
}

interface Waiter {
  readonly msn: number;
  readonly part: number;
  readonly ready: () => void;
}

/** The result of looking for a part that may be on its way. */
export type PartLookup = { readonly found: 'yes'; readonly part: Part } | { readonly found: 'later' } | { readonly found: 'no' };

export class Rendition {
  readonly name: string;
  readonly header: PlaylistHeader;
  readonly #epoch: string;
  readonly #limits: RenditionLimits;
  readonly #inits: Uint8Array[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #memory = new Slabs();
  /** Removed from the playlist, but not yet from memory. */
  #lingering: Segment[] = [];
  #segments: Segment[] = [];
  /** As long as no segment was completed behind them. */
  #leadingGaps: readonly Segment[];
  #open: Segment;
  #bytes = 0;
  #lingeringSeconds = 0;
  #listedSeconds = 0;
  #version = 0;
  #ended = false;
  #track: Track | undefined;
  #tier: Tier | undefined;
  #offered = true;

  constructor(start: RenditionStart) {
    this.name = start.name;
    this.#epoch = start.epoch;
    this.header = start.header;
    this.#limits = start.limits;
    const { leadingGaps, header, startsAt, discontinuitySequence } = start;
    for (let i = 0; i < leadingGaps; i++) {
      const msn = start.msn + i;
      const gap = new Segment({ msn, uri: this.#segmentUri(msn), mapUri: this.#initUri(0), discontinuity: false, discontinuitySequence });
      gap.gap = true;
      gap.complete = true;
      gap.seconds = header.targetSeconds;
      gap.startsAt = startsAt - (leadingGaps - i) * header.targetSeconds * 1000;
      if (i === leadingGaps - 1) this.#fillWithGaps(gap);
      this.#segments.push(gap);
      this.#listedSeconds += gap.seconds;
    }
    const msn = start.msn + leadingGaps;
    this.#open = new Segment({ msn, uri: this.#segmentUri(msn), mapUri: this.#initUri(0), discontinuity: false, discontinuitySequence });
    this.#segments.push(this.#open);
    this.#leadingGaps = this.#segments.slice(0, leadingGaps);
  }

  /** Rises with everything that changes the playlist. */
  get version(): number {
    return this.#version;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The format of what comes now. */
  get track(): Track | undefined {
    return this.#track;
  }

  /** Undefined for what the publisher sends. */
  get tier(): Tier | undefined {
    return this.#tier;
  }

  /** Whether players are told of it. */
  get offered(): boolean {
    return this.#offered;
  }

  /** Its last whole segment is a gap, and nothing came since. */
  get isSilent(): boolean {
    return this.#open.parts.length === 0 && this.#segments.findLast(({ complete }) => complete)?.gap === true;
  }

  /** Listed segments; the last one is open until the end. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  get open(): Segment {
    return this.#open;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The live edge, as other renditions report it. */
  get report(): RenditionReport {
    const parts = this.#open.parts.length;
    const uri = `../${this.name}/index.m3u8`;
    if (parts > 0 && !this.#open.complete) return { uri, lastMsn: this.#open.msn, lastPart: parts - 1 };
    const last = this.#open.complete ? this.#open : this.#segments.at(-2);
    const lastParts = last?.parts.length ?? 0;
    return { uri, lastMsn: last?.msn ?? Math.max(0, this.#open.msn - 1), lastPart: lastParts > 0 ? lastParts - 1 : undefined };
  }

  /** URI of the part that comes next. */
  get hint(): string | undefined {
    return this.#ended ? undefined : this.#partUri(this.#open.msn, this.#open.parts.length);
  }

  /** True once the playlist lists the part; without `part`, once it lists the whole segment. */
  has(msn: number, part: number | undefined): boolean {
    if (this.#ended || msn < this.#open.msn) {
      const segment = part === undefined || this.#ended ? undefined : this.#find(msn);
      // A part past the end of its segment is the first of the next (rfc8216bis §6.2.5.2).
      if (!segment || part === undefined || part < segment.parts.length) return true;
      return msn + 1 < this.#open.msn || this.#open.parts.length > 0;
    }
    return msn === this.#open.msn && part !== undefined && part < this.#open.parts.length;
  }

  /** Calls `ready` once when `has(msn, part)` becomes true or the playlist ends. Returns how to stop waiting. */
  wait(msn: number, part: number | undefined, ready: () => void): () => void {
    const waiter: Waiter = { msn, part: part ?? -1, ready };
    this.#waiters.add(waiter);
    return () => this.#waiters.delete(waiter);
  }

  /** What it is a tier of may change with the source. */
  setTier(tier: Tier | undefined, offered: boolean): void {
    this.#tier = tier ?? this.#tier;
    this.#offered = offered;
    this.#version++;
  }

  findInit(number: number): Uint8Array | undefined {
    return this.#inits[number];
  }

  /** Number of the oldest segment that is in memory. */
  get oldestMsn(): number {
    return (this.#lingering[0] ?? this.#segments[0] ?? this.#open).msn;
  }

  /** Whatever is in memory under this number, gaps included. */
  segmentAt(msn: number): Segment | undefined {
    return this.#find(msn);
  }

  /** A complete segment, or the open one. Undefined when it is gone, without media or yet to begin. */
  findSegment(msn: number): Segment | undefined {
    const segment = this.#find(msn);
    return segment && !segment.gap ? segment : undefined;
  }

  findPart(msn: number, index: number): PartLookup {
    const segment = this.#find(msn);
    const part = segment?.parts[index];
    if (part && !part.gap) return { found: 'yes', part };
    const isNext = !this.#ended && !part && segment === this.#open && index === segment.parts.length;
    return { found: isNext ? 'later' : 'no' };
  }

  /** The format changes with the segment that is now open and still empty. */
  setFormat(track: Track, init: Uint8Array, discontinuity: boolean): void {
    this.#track = track;
    this.#inits.push(init);
    this.#reopen(discontinuity);
  }

  /** What follows does not continue what was, in a rendition that has nothing new to show. */
  markDiscontinuity(): void {
    this.#reopen(true);
  }

  /** @param pieces the part's bytes in order. Given away. */
  addPart(pieces: readonly Uint8Array[], seconds: number, independent: boolean): void {
    const { msn, parts } = this.#open;
    const part = new Part({ uri: this.#partUri(msn, parts.length), seconds, independent }, pieces, this.#memory);
    parts.push(part);
    this.#open.seconds += seconds;
    this.#open.bytes += part.bytes;
    this.#bytes += part.bytes;
    this.#changed();
  }

  /**
   * Says when the open segment begins, milliseconds since the Unix epoch. The gaps in front end there: players put renditions beside each other by the date of
   * the first segment listed, and hls.js was seen to leave out parts of sound that begins elsewhere than gaps dated otherwise would have it.
   */
  beginAt(startsAt: number): void {
    this.#open.startsAt = startsAt;
    let endsAt = startsAt;
    for (const gap of this.#leadingGaps.toReversed()) {
      endsAt -= gap.seconds * 1000;
      gap.startsAt = endsAt;
    }
  }

  /** Completes the open segment and opens the next. An empty one becomes a gap of `gapSeconds`. */
  closeSegment(gapSeconds: number, gapStartsAt: number): void {
    const open = this.#open;
    open.complete = true;
    if (open.parts.length === 0) {
      open.gap = true;
      open.seconds = gapSeconds;
      this.beginAt(gapStartsAt);
      this.#fillWithGaps(open);
    }
    this.#leadingGaps = [];
    this.#listedSeconds += open.seconds;
    this.#open = this.#next(open.msn + 1, false, open.discontinuitySequence);
    this.#open.periodStart = open.periodStart;
    this.#segments.push(this.#open);
    this.#trim();
    this.#changed();
  }

  /** Nothing follows. The open segment, being empty, vanishes. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#open.parts.length === 0) this.#segments.pop();
    // Whoever comes now starts at the beginning, where nothing should be in the way.
    while (this.#segments.length > 1 && this.#segments[0]?.gap) this.#segments.shift();
    this.#changed();
  }

  /**
   * Parts that are gaps. hls.js loads parts of the open segment only when the part list begins before it, and asks for what follows the
   * last part it knows: behind a segment without parts it would ask for what it has, and wait a target duration to ask again.
   */
  #fillWithGaps(segment: Segment): void {
    const { partTargetSeconds } = this.header;
    const count = Math.ceil(segment.seconds / partTargetSeconds);
    for (let i = 0; i < count; i++) {
      const seconds = Math.min(partTargetSeconds, segment.seconds - i * partTargetSeconds);
      segment.parts.push(new Part({ uri: this.#partUri(segment.msn, i), seconds, independent: false }, [], this.#memory));
    }
  }

  #find(msn: number): Segment | undefined {
    const listed = this.#segments[msn - (this.#segments[0]?.msn ?? 0)];
    return listed ?? this.#lingering[msn - (this.#lingering[0]?.msn ?? 0)];
  }

  #changed(): void {
    this.#version++;
    for (const waiter of this.#waiters) {
      if (!this.#ended && !this.has(waiter.msn, waiter.part < 0 ? undefined : waiter.part)) continue;
      this.#waiters.delete(waiter);
      waiter.ready();
    }
  }

  #trim(): void {
    const { windowSeconds, maxBytes } = this.#limits;
    const least = 3 * this.header.targetSeconds;
    for (;;) {
      const oldest = this.#segments[0];
      if (!oldest || oldest === this.#open) break;
      const rest = this.#listedSeconds - oldest.seconds;
      if (rest < least || (rest < windowSeconds && this.#bytes <= maxBytes)) break;
      this.#segments.shift();
      this.#listedSeconds = rest;
      this.#lingering.push(oldest);
      this.#lingeringSeconds += oldest.seconds;
    }
    while (this.#lingering.length > 0 && (this.#lingeringSeconds > windowSeconds || this.#bytes > maxBytes)) {
      const gone = this.#lingering.shift();
      this.#lingeringSeconds -= gone?.seconds ?? 0;
      this.#bytes -= gone?.bytes ?? 0;
    }
  }

  #reopen(discontinuity: boolean): void {
    const { msn, discontinuity: already, discontinuitySequence } = this.#open;
    const counted = discontinuity && !already;
    this.#open = this.#next(msn, discontinuity || already, discontinuitySequence + (counted ? 1 : 0));
    this.#segments[this.#segments.length - 1] = this.#open;
    this.#version++;
  }

  #next(msn: number, discontinuity: boolean, discontinuitySequence: number): Segment {
    const segment = new Segment({ msn, uri: this.#segmentUri(msn), mapUri: this.#initUri(Math.max(0, this.#inits.length - 1)), discontinuity, discontinuitySequence });
    segment.track = this.#track;
    return segment;
  }

  #segmentUri(msn: number): string {
    return `${this.#epoch}-${msn}.m4s`;
  }

  #partUri(msn: number, part: number): string {
    return `${this.#epoch}-${msn}.${part}.m4s`;
  }

  #initUri(number: number): string {
    return `${this.#epoch}-init-${number}.mp4`;
  }
}
