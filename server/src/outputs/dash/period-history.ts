/**
 * Divides a broadcast into the periods of its manifest. While segments keep step with a fixed duration, players compute addresses from
 * the clock and may ask for the segment being made. A broadcast that loses its step is told by lists of complete segments from then on.
 */

/** A segment that is complete in every rendition, as the leading one has it. */
export interface ClosedSegment {
  readonly msn: number;
  /** Seconds since the broadcast began. */
  readonly start: number;
  readonly seconds: number;
  readonly discontinuitySequence: number;
  /** Nothing continues it. */
  readonly final: boolean;
  /** The renditions that have no media at this number. */
  readonly silent: string;
  /** The tiers that have media at this number: they come and go with those who play. */
  readonly tiers: string;
  /** The leading rendition has none. */
  readonly gap: boolean;
}

export interface DashPeriod {
  readonly firstMsn: number;
  /** Seconds since the broadcast began. */
  readonly start: number;
  readonly discontinuitySequence: number;
  /** Duration of its segments; undefined: they are listed one by one. */
  readonly segmentSeconds: number | undefined;
  /** Known once nothing is added to the period any more. */
  readonly last: { readonly msn: number; readonly end: number } | undefined;
}

export interface PeriodRules {
  /** Segments end at the first key frame after this. */
  readonly segmentSeconds: number;
  /** What one frame of the leading track lasts, exactly; durations are multiples of it. Undefined where it is only measured. */
  readonly frameSeconds: number | undefined;
  /** Sound leads: a segment can end at any frame. */
  readonly isSound: boolean;
  /** What is over is told by lists alone. */
  readonly isOver: boolean;
}

/** ISO/IEC 23009-1 lets media differ from @duration by half of it; players with a buffer of a second do not. */
const MAX_DRIFT_SECONDS = 0.25;
const MAX_DRIFT_SHARE = 1 / 8;

/** A segment that differs from the others by this share of them was not cut at the usual key frame. */
const MAX_CHANGE_SHARE = 1 / 4;

/** A period that drifts apart earlier than this was not in step. */
const LEAST_STEADY_SEGMENTS = 8;

/** Two measures of a segment's duration are the same when timestamps rounded to milliseconds explain the difference. */
const ROUNDING_SECONDS = 0.003;

/** A key frame this little before the wanted end is at it. */
const EARLY_KEY_SECONDS = 0.03;

export class PeriodHistory {
  readonly #rules: PeriodRules;
  #periods: DashPeriod[] = [];
  #seen: ClosedSegment | undefined;
  #hasLostStep: boolean;
  /** Whether a duration has proved right for longer than a moment. */
  #hasKeptStep = false;

  constructor(rules: PeriodRules) {
    this.#rules = rules;
    this.#hasLostStep = rules.isOver;
  }

  /** In order; only the last can be without `last`. */
  get periods(): readonly DashPeriod[] {
    return this.#periods;
  }

  /** The number that was seen last. */
  get seenMsn(): number | undefined {
    return this.#seen?.msn;
  }

  /** Segments in the order of their numbers. */
  see(segment: ClosedSegment): void {
    const before = this.#seen;
    const open = this.#open;
    const isContinued = open?.discontinuitySequence === segment.discontinuitySequence && !segment.gap;
    if (open && before && !isContinued) this.#close(before);
    if (segment.gap) this.#hasLostStep ||= before !== undefined && !before.final;
    else if (open && isContinued) {
      this.#continue(open, segment, before);
      this.#changeTiers(open, segment, before);
    } else this.#begin(segment, before);
    if (!segment.gap || before) this.#seen = segment;
    // A list may wait for its next segment; addresses that follow the clock must not run on.
    if (segment.final && this.#open?.segmentSeconds !== undefined) this.#close(segment);
  }

  /** Forgets what ended before this number. */
  trim(firstMsn: number): void {
    this.#periods = this.#periods.filter(({ last }) => !last || last.msn >= firstMsn);
  }

  get #open(): DashPeriod | undefined {
    const last = this.#periods.at(-1);
    return last?.last ? undefined : last;
  }

  /** A representation cannot begin or end within a period: the next one goes on at the same step with what there is. */
  #changeTiers(period: DashPeriod, segment: ClosedSegment, before: ClosedSegment | undefined): void {
    if (this.#open !== period || !before || period.firstMsn > before.msn || segment.tiers === before.tiers) return;
    this.#close(segment);
    if (!segment.final) this.#addAfter(segment, period.segmentSeconds);
  }

  #begin(segment: ClosedSegment, before: ClosedSegment | undefined): void {
    if (this.#hasLostStep) this.#add(segment, undefined);
    // The first segment of all is cut short: it tells how far the key frames are apart.
    else if (!before && !segment.final) this.#addAfter(segment, this.#wholeGroups(segment));
    else this.#add(segment, segment.seconds);
  }

  #continue(period: DashPeriod, segment: ClosedSegment, before: ClosedSegment | undefined): void {
    const { segmentSeconds, firstMsn, start } = period;
    if (segmentSeconds === undefined || segment.final) return;
    const count = segment.msn - firstMsn + 1;
    const isUsual = Math.abs(segment.seconds - segmentSeconds) <= segmentSeconds * MAX_CHANGE_SHARE;
    // A group that is part of a second was taken for a whole one.
    const isBadGuess = !this.#hasKeptStep && count === 1 && segment.seconds < segmentSeconds;
    if (!(isUsual || isBadGuess) || (count > 1 && segment.silent !== before?.silent)) {
      this.#hasLostStep = true;
      this.#close(segment);
      return;
    }
    const drift = Math.abs(endOf(segment) - (start + count * segmentSeconds));
    if (drift <= Math.min(MAX_DRIFT_SECONDS, segmentSeconds * MAX_DRIFT_SHARE)) return;
    this.#close(segment);
    // The first duration was a guess, and a long period drifts by what is rounded; anything else is not in step.
    this.#hasLostStep = this.#hasKeptStep && count < LEAST_STEADY_SEGMENTS;
    this.#hasKeptStep = true;
    if (!this.#hasLostStep) this.#addAfter(segment, (endOf(segment) - start) / count);
  }

  #close(segment: ClosedSegment): void {
    const open = this.#periods.pop();
    if (!open) return;
    // A period that was opened for what would come, and nothing came, never was.
    if (open.firstMsn <= segment.msn) this.#periods.push({ ...open, last: { msn: segment.msn, end: endOf(segment) } });
  }

  #add({ msn, start, discontinuitySequence }: Pick<ClosedSegment, 'msn' | 'start' | 'discontinuitySequence'>, seconds: number | undefined): void {
    this.#periods.push({ firstMsn: msn, start, discontinuitySequence, segmentSeconds: seconds === undefined ? undefined : this.#wholeFrames(seconds), last: undefined });
  }

  #addAfter(segment: ClosedSegment, seconds: number | undefined): void {
    this.#add({ msn: segment.msn + 1, start: endOf(segment), discontinuitySequence: segment.discontinuitySequence }, seconds);
  }

  /** So many of these groups that they make a segment. */
  #wholeGroups({ seconds }: ClosedSegment): number {
    const groupSeconds = this.#rules.isSound ? (this.#rules.frameSeconds ?? seconds) : seconds;
    return groupSeconds * Math.max(1, Math.ceil((this.#rules.segmentSeconds - EARLY_KEY_SECONDS) / groupSeconds));
  }

  /** Without what rounding to milliseconds adds, which would sum up. */
  #wholeFrames(seconds: number): number {
    const { frameSeconds } = this.#rules;
    if (frameSeconds === undefined) return seconds;
    const whole = Math.round(seconds / frameSeconds) * frameSeconds;
    return Math.abs(whole - seconds) <= ROUNDING_SECONDS ? whole : seconds;
  }
}

function endOf(segment: ClosedSegment): number {
  return segment.start + segment.seconds;
}
