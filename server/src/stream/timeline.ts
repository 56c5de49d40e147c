/**
 * Maps a publisher's timestamps onto the broadcast's one timeline, which counts from the broadcast's beginning and keeps step
 * with the wall clock across drops, jumps and wraps. Small faults are repaired, large ones re-anchored; both are counted.
 */
import { rescale } from '@millrace/media/time';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';

const MICROS = 1_000_000;

/** A step of more than this from the track's last unit is a jump: longer than any sane frame, shorter than any viewer's patience. */
const JUMP_MICROS = 3 * MICROS;

/** A track that goes back by more than this has a new clock; less is a slip, which is repaired. */
const BACK_MICROS = MICROS / 4;

/** Where a jump lands behind the last unit: one tick of the coarsest timescale there is, RTMP's milliseconds. */
const STEP_MICROS = 1_000;

export interface TimelineCounters {
  /** Timestamps changed to keep dts rising or pts ≥ dts. */
  repaired: number;
  /** Times the source's clock jumped and was anchored anew. */
  jumps: number;
  /** Units that lie before the publication's place on the timeline, and were dropped. */
  stale: number;
}

/** What a track's source clock has to do with the timeline. Of one publication. */
interface TrackClock {
  /** Added to a source time to get a broadcast time. */
  offsetMicros: number;
  lastSourceMicros: number;
  /** The same track's last time under the publisher before: this one begins behind it. */
  readonly floorMicros: number;
  begun: boolean;
}

export class Timeline {
  readonly counters: TimelineCounters = { repaired: 0, jumps: 0, stale: 0 };
  /** The offset made last. The tracks of a publisher share one clock, so that one which follows another's jump takes it up. */
  #offsetMicros: number | undefined;
  /** The furthest broadcast time written by any track. */
  #latestMicros = 0;
  #clocks = new Map<number, TrackClock>();
  /** The last time written on each track, across publications. */
  readonly #last = new Map<number, { readonly dts: number; readonly timescale: number }>();

  /** The next unit comes from a new publisher: its clock has nothing to do with the last one's. */
  beginPublication(): void {
    this.#offsetMicros = undefined;
    this.#clocks = new Map();
  }

  /**
   * Returns the unit on the broadcast's timeline, or undefined when it must be dropped.
   * @param elapsedMicros wall time since the broadcast began, where a first or jumping unit is anchored.
   */
  map(unit: Unit, track: Track, elapsedMicros: number): Unit | undefined {
    const sourceMicros = rescale(unit.dts, track.timescale, MICROS);
    const clock = this.#clockFor(track, sourceMicros, elapsedMicros);
    clock.lastSourceMicros = sourceMicros;
    const offsetTicks = rescale(clock.offsetMicros, MICROS, track.timescale);
    let dts = unit.dts + offsetTicks;
    if (!clock.begun) {
      // Such units are the lead of one track over another: squeezing them in would put them out of step.
      if (dts < 0 || rescale(dts, track.timescale, MICROS) <= clock.floorMicros) {
        this.counters.stale++;
        return undefined;
      }
      clock.begun = true;
    }
    let repaired = false;
    const last = this.#lastDts(track);
    if (last !== undefined && dts <= last) {
      if (elapsedMicros - rescale(last, track.timescale, MICROS) > JUMP_MICROS) return this.#mapAnew(unit, track, clock, elapsedMicros);
      dts = last + 1;
      repaired = true;
    }
    let pts = unit.pts + offsetTicks;
    if (pts < dts) {
      pts = dts;
      repaired = true;
    }
    if (repaired) this.counters.repaired++;
    this.#last.set(track.id, { dts, timescale: track.timescale });
    this.#latestMicros = Math.max(this.#latestMicros, rescale(dts, track.timescale, MICROS));
    return { track: unit.track, dts, pts, key: unit.key, data: unit.data };
  }

  /** A clock that stands still or creeps back would hold up the timeline for ever, one repaired tick at a time. */
  #mapAnew(unit: Unit, track: Track, clock: TrackClock, elapsedMicros: number): Unit | undefined {
    this.counters.jumps++;
    clock.offsetMicros = this.#anchor(clock.lastSourceMicros, elapsedMicros);
    return this.map(unit, track, elapsedMicros);
  }

  #clockFor(track: Track, sourceMicros: number, elapsedMicros: number): TrackClock {
    const known = this.#clocks.get(track.id);
    if (!known) {
      const last = this.#lastDts(track);
      const clock: TrackClock = {
        offsetMicros: this.#sharedOffset(sourceMicros, elapsedMicros) ?? this.#anchor(sourceMicros, elapsedMicros),
        lastSourceMicros: sourceMicros,
        floorMicros: last === undefined ? -1 : rescale(last, track.timescale, MICROS),
        begun: false,
      };
      this.#clocks.set(track.id, clock);
      return clock;
    }
    const step = sourceMicros - known.lastSourceMicros;
    const isSteady = step >= -BACK_MICROS && step <= JUMP_MICROS;
    if (isSteady || (step > 0 && this.#isInPlace(sourceMicros + known.offsetMicros, elapsedMicros))) return known;
    const shared = this.#offsetMicros === known.offsetMicros ? undefined : this.#sharedOffset(sourceMicros, elapsedMicros);
    if (shared === undefined) this.counters.jumps++;
    known.offsetMicros = shared ?? this.#anchor(sourceMicros, elapsedMicros);
    return known;
  }

  /** The clock that another track was anchored by, when this track runs on it too. */
  #sharedOffset(sourceMicros: number, elapsedMicros: number): number | undefined {
    if (this.#offsetMicros === undefined) return undefined;
    return this.#isInPlace(sourceMicros + this.#offsetMicros, elapsedMicros) ? this.#offsetMicros : undefined;
  }

  /** Near what the other tracks write now; or as far on as the wall clock is, after a silence. */
  #isInPlace(mappedMicros: number, elapsedMicros: number): boolean {
    if (Math.abs(mappedMicros - this.#latestMicros) <= JUMP_MICROS) return true;
    return mappedMicros > this.#latestMicros && Math.abs(mappedMicros - elapsedMicros) <= JUMP_MICROS;
  }

  #anchor(sourceMicros: number, elapsedMicros: number): number {
    const after = this.#last.size === 0 ? 0 : this.#latestMicros + STEP_MICROS;
    this.#offsetMicros = Math.max(elapsedMicros, after) - sourceMicros;
    return this.#offsetMicros;
  }

  #lastDts(track: Track): number | undefined {
    const last = this.#last.get(track.id);
    return last && rescale(last.dts, last.timescale, track.timescale);
  }
}
