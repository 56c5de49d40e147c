/** What a playlist tells of the wall clock: when something was seen, and when nobody sent. */

/** A segment as the playlist lists it. */
export interface DatedSegment {
  /** Seconds of the media element. */
  readonly start: number;
  readonly duration: number;
  /** Ms since the Unix epoch; null where the playlist does not say. */
  readonly programDateTime: number | null;
}

/** The publisher was away: what is played one after the other was not sent so. */
export interface Absence {
  /** Seconds of the media element. */
  readonly at: number;
  readonly seconds: number;
}

/** Clocks and rounding differ by less. */
const LEAST_ABSENCE_SECONDS = 1;

/** When the picture at this second was taken, ms since the Unix epoch. */
export function wallClockAt(segments: readonly DatedSegment[], second: number): number | undefined {
  const segment = segments.findLast(({ start }) => start <= second) ?? segments[0];
  return segment?.programDateTime == null ? undefined : segment.programDateTime + (second - segment.start) * 1000;
}

export function absencesOf(segments: readonly DatedSegment[]): Absence[] {
  return segments.flatMap(({ start, programDateTime }, i) => {
    const before = segments[i - 1];
    if (!before || before.programDateTime === null || programDateTime === null) return [];
    const seconds = (programDateTime - before.programDateTime) / 1000 - before.duration;
    return seconds < LEAST_ABSENCE_SECONDS ? [] : [{ at: start, seconds }];
  });
}
