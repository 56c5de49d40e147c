/**
 * Maps a publisher's timestamps onto the broadcast's one timeline, which counts from the broadcast's beginning and keeps step
 * with the wall clock across drops, jumps and wraps. Small faults are repaired, large ones re-anchored; both are counted.
 */
import { rescale } from '@millrace/media/time';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';

const MICROS = 1_000_000;

/** A step of more than this from what the other units say is a jump: longer than any sane frame, shorter than any viewer's patience. */
const JUMP_MICROS = 3 * MICROS;

export interface TimelineCounters {
  /** Timestamps changed to keep dts rising or pts ≥ dts. */
  repaired: number;
  /** Times the source's clock jumped and was anchored anew. */
  jumps: number;
  /** Units from before a jump that arrived after it. */
  stale: number;
}

export class Timeline {
  readonly counters: TimelineCounters = { repaired: 0, jumps: 0, stale: 0 };
  /** Added to a source time to get a broadcast time; undefined until the first unit of a publication. */
  #offsetMicros: number | undefined;
  #previousOffsetMicros: number | undefined;
  /** The furthest broadcast time written by any track, and its counterpart of the wall clock. */
  #latestMicros = 0;
  readonly #lastDts = new Map<number, number>();

  /** The next unit comes from a new publisher: its clock has nothing to do with the last one's. */
  beginPublication(): void {
    this.#offsetMicros = undefined;
    this.#previousOffsetMicros = undefined;
    this.#lastDts.clear();
  }

  /**
   * Returns the unit on the broadcast's timeline, or undefined when it must be dropped.
   * @param elapsedMicros wall time since the broadcast began, where a first or jumping unit is anchored.
   */
  map(unit: Unit, track: Track, elapsedMicros: number): Unit | undefined {
    const offset = this.#offsetFor(rescale(unit.dts, track.timescale, MICROS), elapsedMicros);
    if (offset === undefined) {
      this.counters.stale++;
      return undefined;
    }
    const offsetTicks = rescale(offset, MICROS, track.timescale);
    const composition = unit.pts - unit.dts;
    let dts = unit.dts + offsetTicks;
    const last = this.#lastDts.get(track.id);
    if (last !== undefined && dts <= last) {
      dts = last + 1;
      this.counters.repaired++;
    }
    let pts = unit.dts + offsetTicks + composition;
    if (pts < dts) {
      pts = dts;
      if (composition < 0) this.counters.repaired++;
    }
    this.#lastDts.set(track.id, dts);
    this.#latestMicros = Math.max(this.#latestMicros, rescale(dts, track.timescale, MICROS));
    return { track: unit.track, dts, pts, key: unit.key, data: unit.data };
  }

  #offsetFor(sourceMicros: number, elapsedMicros: number): number | undefined {
    const anchor = Math.max(elapsedMicros, this.#latestMicros);
    if (this.#offsetMicros === undefined) {
      this.#offsetMicros = anchor - sourceMicros;
      return this.#offsetMicros;
    }
    const mapped = sourceMicros + this.#offsetMicros;
    if (Math.abs(mapped - this.#latestMicros) <= JUMP_MICROS || this.#isSilenceOver(mapped, elapsedMicros)) return this.#offsetMicros;
    // Tracks interleave: after one has jumped, the other may still bring a few units from before.
    if (this.#previousOffsetMicros !== undefined && Math.abs(sourceMicros + this.#previousOffsetMicros - this.#latestMicros) <= JUMP_MICROS) return undefined;
    this.counters.jumps++;
    this.#previousOffsetMicros = this.#offsetMicros;
    this.#offsetMicros = anchor - sourceMicros;
    return this.#offsetMicros;
  }

  /** A publisher that was silent for as long as its clock moved on has not jumped. */
  #isSilenceOver(mappedMicros: number, elapsedMicros: number): boolean {
    return mappedMicros > this.#latestMicros && Math.abs(mappedMicros - elapsedMicros) <= JUMP_MICROS;
  }
}
