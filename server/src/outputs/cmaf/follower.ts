/**
 * A rendition that ends its segments where the leading one does: sound at the nearest frame, a picture of another size at its key
 * frame near the boundary, since players change renditions there. Told of boundaries by the SegmentCutter.
 */
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { TARGET_SECONDS } from './playlist-header.ts';
import type { PackagerCounters, TrackWriter } from './track-writer.ts';

/** How far other tracks may run behind or ahead of the leading one before they are no longer waited for. */
export const MAX_SKEW_SECONDS = 1;

/** The same of a picture that is made from the leading one, whose maker gives it up when it falls behind for good. */
const MAX_TIER_SKEW_SECONDS = 5;

/** Such a picture has the times and key frames of the leading one. */
const TIER_REACH_SECONDS = 0.004;

/** How far a key frame may be from the boundary that it is for. Layers of one camera send theirs within the jitter of a network. */
const KEY_REACH_SECONDS = 0.4;

export interface Boundary {
  /** Seconds since the broadcast began. */
  readonly at: number;
  /** Duration of the segment that ends there. */
  readonly seconds: number;
}

export interface FollowerDeps {
  readonly writer: TrackWriter;
  readonly counters: PackagerCounters;
  /** Milliseconds since the Unix epoch that time 0 stands for. */
  readonly createdAt: number;
  /** It is made from the leading picture: comes later than that, with key frames at the same times, and not always. */
  readonly isTier: boolean;
}

export class Follower {
  readonly writer: TrackWriter;
  readonly #deps: FollowerDeps;
  #queue: Unit[] = [];
  #boundaries: Boundary[] = [];
  /** The format of a tier that joins at the next boundary it reaches in time. */
  #joins: Track | undefined;

  constructor(deps: FollowerDeps) {
    this.#deps = deps;
    this.writer = deps.writer;
  }

  get isTier(): boolean {
    return this.#deps.isTier;
  }

  /** From the first to the last of the units that wait for the lead. */
  get waitingSeconds(): number {
    const [first] = this.#queue;
    const last = this.#queue.at(-1);
    return first && last ? (last.dts - first.dts) / this.writer.track.timescale : 0;
  }

  push(unit: Unit): void {
    this.#queue.push(unit);
  }

  /** A tier begins: its next unit is a key frame. */
  expect(track: Track): void {
    this.leave();
    this.#joins = track;
  }

  /** Nothing comes of a tier until further notice. */
  leave(): void {
    this.#joins = undefined;
    const { writer } = this;
    const waiting = this.#queue.splice(0);
    if (writer.active) for (const unit of waiting) this.#take(unit, unit.dts / writer.track.timescale);
    writer.leave();
    this.#crossLate(Number.POSITIVE_INFINITY);
  }

  bound(boundary: Boundary): void {
    this.#boundaries.push(boundary);
  }

  /**
   * Moves up to the leading edge: never past it, lest a boundary be missed, unless the lead has stalled.
   * @param segmentAt where the leading segment begins.
   * @param mayEnd whether it could end at this time.
   */
  drain(edge: number, segmentAt: number | undefined, mayEnd: (at: number) => boolean): void {
    if (this.#deps.isTier && !this.writer.active && !this.#join(segmentAt)) {
      this.#crossLate(edge);
      return;
    }
    const { timescale } = this.writer.track;
    const newest = (this.#queue.at(-1)?.dts ?? 0) / timescale;
    let taken = 0;
    for (const unit of this.#queue) {
      const at = unit.dts / timescale;
      const isOverdue = !this.#deps.isTier && newest - at > MAX_SKEW_SECONDS && at - (this.writer.segmentStart ?? at) <= TARGET_SECONDS - MAX_SKEW_SECONDS;
      if (this.#mustWait(unit, at, edge, mayEnd) && !isOverdue) break;
      taken++;
      this.#take(unit, at);
    }
    if (taken > 0) this.#queue.splice(0, taken);
    if (this.#boundaries.length > 0) this.#crossLate(edge);
  }

  /** It leads from now on: crosses what boundaries are left, and gives up the units behind them. */
  promote(): Unit[] {
    const { timescale } = this.writer.track;
    while (this.#boundaries.length > 0) {
      const unit = this.#queue.shift();
      if (unit) this.#take(unit, unit.dts / timescale);
      else this.#crossLate(Number.POSITIVE_INFINITY);
    }
    return this.#queue.splice(0);
  }

  /** True once there is a key frame at the beginning of the open segment; what comes before is of no use. */
  #join(segmentAt: number | undefined): boolean {
    // What is left of the time before a pause may lie in the segment still.
    const track = this.writer.hasMedia ? undefined : this.#joins;
    const begin = track && this.#queue.findIndex((unit) => unit.key && Math.abs(unit.dts / track.timescale - (segmentAt ?? Number.NaN)) <= TIER_REACH_SECONDS);
    this.#queue = begin === undefined || begin === -1 ? [] : this.#queue.slice(begin);
    if (!track || this.#queue.length === 0) return false;
    this.#joins = undefined;
    this.writer.join(track);
    return true;
  }

  #mustWait(unit: Unit, at: number, edge: number, mayEnd: (at: number) => boolean): boolean {
    if (at > edge) return true;
    if (this.#deps.isTier) return false;
    // The leading track's key frame of the same moment may be on its way.
    return this.#isPicture && unit.key && this.#boundaries.length === 0 && at + KEY_REACH_SECONDS > edge && mayEnd(at + KEY_REACH_SECONDS);
  }

  #take(unit: Unit, at: number): void {
    const { writer } = this;
    writer.settle(unit);
    this.#cross((boundary) => this.#isAt(boundary, unit, at));
    writer.hold(unit);
  }

  #isAt(boundary: Boundary, { key }: Unit, at: number): boolean {
    if (!this.#isPicture) return at + this.writer.usualSeconds / 2 >= boundary.at;
    if (this.#deps.isTier) return at >= boundary.at - TIER_REACH_SECONDS;
    if (key) return at >= boundary.at - KEY_REACH_SECONDS;
    if (at < boundary.at + KEY_REACH_SECONDS) return false;
    this.#deps.counters.forcedCuts++;
    return true;
  }

  get #isPicture(): boolean {
    return this.writer.track.kind === 'video';
  }

  #crossLate(edge: number): void {
    const { writer } = this;
    this.#cross((boundary) => {
      const isLate = !writer.active || edge > boundary.at + (this.#deps.isTier ? MAX_TIER_SKEW_SECONDS : MAX_SKEW_SECONDS);
      if (isLate) writer.flush();
      return isLate;
    });
  }

  #cross(isReached: (boundary: Boundary) => boolean): void {
    for (;;) {
      const boundary = this.#boundaries[0];
      if (!boundary || !isReached(boundary)) return;
      this.#boundaries.shift();
      this.writer.endSegment(boundary.seconds, this.#deps.createdAt + (boundary.at - boundary.seconds) * 1000);
    }
  }
}
