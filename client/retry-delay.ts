/** How long clients wait before they try again: the same steps for sockets and for media. */

/** At once, then longer; the last repeats. */
const RETRY_DELAYS_MS = [0, 300, 1200, 2700, 4800, 7000];

/** Each wait is stretched by up to this share, so that a restarted server is not met by everybody at once. */
const JITTER = 0.25;

/** @param attempt counts from 0. */
export function retryDelayMs(attempt: number, random: () => number): number {
  const delay = RETRY_DELAYS_MS[Math.min(attempt, RETRY_DELAYS_MS.length - 1)] ?? 0;
  return delay * (1 + JITTER * random());
}
