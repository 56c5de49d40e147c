/** What a recording is played as: its stretches one after the other, without the time between them in which nothing came. */
import type { ArchivedSegment } from './archived-segment.ts';
import type { StoredRendition } from './read-archive.ts';

/** Segments of the leading rendition that continue each other. */
export interface Stretch {
  readonly firstMsn: number;
  readonly lastMsn: number;
  /** On the broadcast's timeline, seconds. */
  readonly start: number;
  readonly end: number;
  /** Where it is played, seconds from the beginning. */
  readonly shownAt: number;
}

export function stretchesOf(leading: StoredRendition): Stretch[] {
  const stretches: Stretch[] = [];
  let shownAt = 0;
  for (const run of runsOf(leading.segments)) {
    const [first] = run;
    const last = run.at(-1);
    if (!first || !last) continue;
    const start = startOf(first);
    const end = startOf(last) + last.seconds;
    stretches.push({ firstMsn: first.msn, lastMsn: last.msn, start, end, shownAt });
    shownAt += end - start;
  }
  return stretches;
}

/** Segments one after the other without a gap, a discontinuity or a change of format between them. */
export function runsOf(segments: readonly ArchivedSegment[]): ArchivedSegment[][] {
  const runs: ArchivedSegment[][] = [];
  let before: ArchivedSegment | undefined;
  for (const segment of segments) {
    const isContinued = before && !segment.gap && !before.gap && !segment.discontinuity && segment.mapUri === before.mapUri;
    if (isContinued) runs.at(-1)?.push(segment);
    else if (!segment.gap) runs.push([segment]);
    before = segment;
  }
  return runs;
}

function startOf({ startTicks = 0, timescale }: ArchivedSegment): number {
  return startTicks / timescale;
}
