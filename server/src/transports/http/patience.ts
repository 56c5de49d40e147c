/** How long HTTP waits for whom, over both of its versions. */

/** To receive a whole request: bodies have 64 KiB at most. It does not limit the answer, so that blocking reloads are safe. */
export const REQUEST_TIMEOUT_MS = 30_000;

/** Longer than a target duration, so that a player keeps its connection from one reload to the next. */
export const KEEP_ALIVE_TIMEOUT_MS = 30_000;

/** For an answer to be taken up by whoever asked, counted from the last byte that moved. Longer than the longest blocking reload. */
export const STALLED_ANSWER_MS = 60_000;
