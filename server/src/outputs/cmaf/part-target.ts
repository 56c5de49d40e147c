/** Chooses the one PART-TARGET of a broadcast from its first frames. Players stop for good when it changes later. */

export interface PartTargetInput {
  /** Decoding times of the leading track's first frames, seconds, rising. */
  readonly times: readonly number[];
  /** Usual frame durations of the other tracks, seconds. */
  readonly others: readonly number[];
  /** True when timestamps are rounded to milliseconds or worse. */
  readonly coarse: boolean;
  readonly wantedSeconds: number;
}

/** rfc8216bis §4.4.4.9: parts last at least this share of the target. */
const LEAST_SHARE = 0.85;

/** Candidates are tried up to this many times the wanted duration. */
const MOST_STRETCH = 1.5;

/** Seconds, in whole milliseconds. */
export function choosePartTarget({ times, others, coarse, wantedSeconds }: PartTargetInput): number {
  const first = times[0];
  const last = times.at(-1);
  if (first === undefined || last === undefined || times.length < 2) return wantedSeconds;
  const frame = (last - first) / (times.length - 1);
  const jitter = Math.max(...times.map((time, i) => Math.abs(time - first - i * frame)));
  const longest = Math.max(...times.slice(1).map((time, i) => time - (times[i] ?? time)));
  // Variable frame rate: nothing fits exactly, so the frames seen must at least not exceed it.
  if (jitter > frame / 2) return ceilMs(Math.max(wantedSeconds, longest));
  const slack = 2 * jitter + (coarse ? 0.001 : 0);
  const nearest = Math.max(1, Math.round(wantedSeconds / frame));
  const most = Math.max(nearest, Math.floor((wantedSeconds * MOST_STRETCH) / frame));
  const counts = Array.from({ length: most }, (_, i) => i + 1).sort((a, b) => Math.abs(a - nearest) - Math.abs(b - nearest));
  for (const count of counts) {
    const target = ceilMs(count * frame + slack);
    if (count * frame - slack >= LEAST_SHARE * target && others.every((other) => fits(other, target))) return target;
  }
  return ceilMs(nearest * frame + slack);
}

function fits(frame: number, target: number): boolean {
  return Math.floor(target / frame) * frame >= LEAST_SHARE * target;
}

function ceilMs(seconds: number): number {
  // The small term keeps 0.2000000001 from becoming 0.201.
  return Math.ceil(seconds * 1000 - 1e-6) / 1000;
}
