/** Frame rates as they are meant, from frame durations as they were measured. */

const COMMON_FRAME_RATES = [24_000 / 1001, 24, 25, 30_000 / 1001, 30, 50, 60_000 / 1001, 60];

/** The well-known rate nearest to this mean when it may be a rounding of it, else its inverse. */
export function frameRateOf(frameSeconds: number): number {
  const distance = (rate: number): number => Math.abs(1 / rate - frameSeconds);
  const nearest = COMMON_FRAME_RATES.reduce((best, rate) => (distance(rate) < distance(best) ? rate : best));
  return distance(nearest) < 0.000_12 ? nearest : 1 / frameSeconds;
}
