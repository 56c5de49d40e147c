/** Turns the units of one track into parts and segments of its rendition. Where segments end is told by the packager. */
import { writeChunkHead } from '@millrace/media/isobmff/chunk';
import { writeInitSegment } from '@millrace/media/isobmff/init-segment';
import { sameFormat, type Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock } from '../../lib/clock.ts';
import type { Rendition } from './rendition.ts';

/** A part is cut at this size whatever its duration: what a hostile publisher can make one buffer hold. */
const MAX_PART_BYTES = 8 * 1024 * 1024;

/** A frame as long as this share of the usual one is expected next; when even that does not fit, the part is finished now. */
const LEAST_EXPECTED_FRAME = 0.75;

/** rfc8216bis §4.4.4.9: parts last at least this share of the target. */
const LEAST_SHARE = 0.85;

export interface PackagerCounters {
  parts: number;
  partBytes: number;
  /** Sum over all parts of the time from the arrival of the last unit to publication, milliseconds. */
  partLatencyMs: number;
  /** The longest of them. */
  maxPartLatencyMs: number;
  /** Frames that lasted longer than PART-TARGET and so made a part that does. */
  overlongFrames: number;
  /** Segments that had to end without a key frame. */
  forcedCuts: number;
  /** Units of codecs that have no place in CMAF, or that came without a track. */
  ignoredUnits: number;
}

export interface TrackWriterDeps {
  readonly clock: Clock;
  readonly rendition: Rendition;
  readonly counters: PackagerCounters;
  /** Milliseconds since the Unix epoch that dts 0 stands for. */
  readonly createdAt: number;
  /** It shows gaps until it is told to join. */
  readonly joinsLater?: boolean;
}

export class TrackWriter {
  readonly rendition: Rendition;
  readonly #deps: TrackWriterDeps;
  #track: Track;
  #active: boolean;
  /** Whether its rendition has the format of its track. */
  #hasFormat = false;
  /** The last unit, whose duration the next one tells. */
  #held: Unit | undefined;
  #heldSince = 0;
  #units: Unit[] = [];
  #durations: number[] = [];
  #ticks = 0;
  #bytes = 0;
  #lastArrival = 0;
  #usualTicks: number;
  #sequence = 0;

  constructor(track: Track, usualSeconds: number, deps: TrackWriterDeps) {
    this.#deps = deps;
    this.rendition = deps.rendition;
    this.#track = track;
    this.#usualTicks = Math.max(1, Math.round(usualSeconds * track.timescale));
    this.#active = !deps.joinsLater;
    if (this.#active) this.#begin(track, false);
  }

  /** False while the publisher has no such track; the rendition then shows gaps. */
  get active(): boolean {
    return this.#active;
  }

  get track(): Track {
    return this.#track;
  }

  get usualSeconds(): number {
    return this.#usualTicks / this.#track.timescale;
  }

  /** Where the open segment began on the timeline, seconds; undefined before its first unit. */
  get segmentStart(): number | undefined {
    const { startTicks } = this.rendition.open;
    return startTicks === undefined ? undefined : startTicks / this.#track.timescale;
  }

  /** When the held unit is due, seconds. */
  get heldAt(): number | undefined {
    return this.#held === undefined ? undefined : this.#held.dts / this.#track.timescale;
  }

  /** True when the open segment holds something. */
  get hasMedia(): boolean {
    return this.#held !== undefined || this.#units.length > 0 || this.rendition.open.parts.length > 0;
  }

  /** Other formats or another publisher, after `finish`. Undefined: the track is not there any more. */
  restart(track: Track | undefined, usualSeconds: number): void {
    if (!track) {
      this.#active = false;
      this.rendition.markDiscontinuity();
      return;
    }
    this.#active = true;
    this.#track = track;
    this.#usualTicks = Math.max(1, Math.round(usualSeconds * track.timescale));
    this.#begin(track, true);
  }

  /**
   * What was silent comes, or comes again, with the segment that is open and empty. Its times lie on the timeline of the others, which
   * nothing interrupted: a format that is another gets its init segment without a discontinuity.
   */
  join(track: Track): void {
    const goesOn = this.#hasFormat && sameFormat(this.#track, track);
    this.#active = true;
    this.#track = track;
    if (!goesOn) this.#begin(track, false);
  }

  /** Shows gaps from the next segment on. What was buffered is shown. */
  leave(): void {
    this.flush();
    this.#active = false;
  }

  /** Gives the unit before this one its duration. Call `hold` next: between the two a segment may be ended. */
  settle(next: Unit): void {
    if (!this.#held) return;
    const duration = next.dts - this.#held.dts;
    this.#add(this.#held, duration);
    // A pause in the source says nothing about its frames.
    if (duration <= this.rendition.header.partTargetSeconds * this.#track.timescale) this.#usualTicks = duration;
    this.#held = undefined;
  }

  hold(unit: Unit): void {
    this.#held = unit;
    this.#heldSince = this.#deps.clock.monotonic();
    this.#beginSegment(unit);
  }

  #beginSegment(unit: Unit): void {
    const { open } = this.rendition;
    if (open.startTicks !== undefined) return;
    open.startTicks = unit.dts;
    open.periodStart ??= unit.dts / this.#track.timescale;
    open.timescale = this.#track.timescale;
    this.rendition.beginAt(this.#deps.createdAt + (unit.pts / this.#track.timescale) * 1000);
  }

  /** After the segment before it was ended: the held unit begins the new one. */
  rehold(): void {
    if (this.#held) this.#beginSegment(this.#held);
  }

  /** Nothing follows soon: the last unit gets the usual duration. */
  flush(): void {
    if (this.#held) this.#add(this.#held, this.#usualTicks);
    this.#held = undefined;
  }

  /** Forgets what was not shown yet. To be used when the open segment has no part, and before its format is told again. */
  drop(): void {
    this.#held = undefined;
    this.#units = [];
    this.#durations = [];
    this.#ticks = 0;
    this.#bytes = 0;
    this.rendition.open.startTicks = undefined;
  }

  /** Ends the open segment with what was settled; the held unit, if any, belongs to the next. */
  endSegment(gapSeconds: number, gapStartsAt: number): void {
    this.#publish();
    this.rendition.closeSegment(gapSeconds, gapStartsAt);
  }

  #begin(track: Track, discontinuity: boolean): void {
    const init = writeInitSegment(track);
    this.#hasFormat = init !== undefined;
    if (init) this.rendition.setFormat(track, init, discontinuity);
  }

  #add(unit: Unit, duration: number): void {
    const target = this.rendition.header.partTargetSeconds * this.#track.timescale;
    // Timestamps are integers: half a tick of tolerance keeps a target of 0.2 s from cutting one frame early.
    if (this.#units.length > 0 && (this.#ticks + duration > target + 0.5 || this.#bytes + unit.data.length > MAX_PART_BYTES)) this.#publish();
    if (duration > target + 0.5) this.#deps.counters.overlongFrames++;
    this.#units.push(unit);
    this.#durations.push(duration);
    this.#ticks += duration;
    this.#bytes += unit.data.length;
    this.#lastArrival = this.#heldSince;
    if (this.#ticks >= LEAST_SHARE * target && this.#ticks + LEAST_EXPECTED_FRAME * Math.min(duration, this.#usualTicks) > target) this.#publish();
  }

  #publish(): void {
    const first = this.#units[0];
    if (!first) return;
    const { counters, clock } = this.#deps;
    const units = this.#units;
    const head = writeChunkHead({ sequence: ++this.#sequence, kind: this.#track.kind, units, durations: this.#durations });
    const pieces = [head, ...units.map((unit) => unit.data)];
    const seconds = this.#ticks / this.#track.timescale;
    this.rendition.open.durationTicks += this.#ticks;
    const bytes = this.#bytes;
    this.#units = [];
    this.#durations = [];
    this.#ticks = 0;
    this.#bytes = 0;
    this.rendition.addPart(pieces, seconds, first.key);
    const latencyMs = clock.monotonic() - this.#lastArrival;
    counters.parts++;
    counters.partBytes += head.length + bytes;
    counters.partLatencyMs += latencyMs;
    counters.maxPartLatencyMs = Math.max(counters.maxPartLatencyMs, latencyMs);
  }
}
