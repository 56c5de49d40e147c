/** Frame rates as they are meant, from frame durations as they were measured. */

const COMMON_FRAME_RATES = [10, 12, 15, 20, 24_000 / 1001, 24, 25, 30_000 / 1001, 30, 48, 50, 60_000 / 1001, 60, 90, 100, 120_000 / 1001, 120];

/** How far timestamps that are rounded to milliseconds may lead the mean of ten frames astray. */
const ROUNDING_SECONDS = 0.000_12;

/** The well-known rate of which this mean may be a rounding. */
export function knownFrameRate(frameSeconds: number): number | undefined {
  const distance = (rate: number): number => Math.abs(1 / rate - frameSeconds);
  const nearest = COMMON_FRAME_RATES.reduce((best, rate) => (distance(rate) < distance(best) ? rate : best));
  return distance(nearest) < ROUNDING_SECONDS ? nearest : undefined;
}

/** The well-known rate, else the inverse of the mean. */
export function frameRateOf(frameSeconds: number): number {
  return knownFrameRate(frameSeconds) ?? 1 / frameSeconds;
}

/** A picture comes too fast when it follows after less than this share of the least interval: timestamps are rounded, and 50 must halve to fit 30. */
const LEAST_INTERVAL_SHARE = 0.8;

/** What is left of a rate where only every second picture fits, or every third. */
export function dividedFrameRate(rate: number, maxRate: number): number {
  return rate / Math.max(1, Math.ceil((LEAST_INTERVAL_SHARE * rate) / maxRate - 1e-6));
}
