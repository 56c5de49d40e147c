/** When the list of recordings is asked for again by itself. */
import type { Recording } from '@millrace/contract/entities/recording';

/** A recording that is being made is ready seconds after its broadcast ends; one that failed to load is asked for again. */
const FIRST_MS = 4_000;

/** Without a socket it is asked for less and less often; so is, from the beginning, what another server does: no socket here hears of it. */
const LAST_MS = 60_000;

/** Uploads that wait for their turn, or for the storage, need not be seen at once. */
const LEAST_WAITING_MS = 15_000;

export interface Situation {
  readonly items: readonly Recording[];
  readonly hasFailed: boolean;
  /** How long the socket has not stood; undefined while it does: then it tells what changes. */
  readonly withoutSocketMs: number | undefined;
}

/** False: not at all. */
export function refreshAfter({ items, hasFailed, withoutSocketMs }: Situation): number | false {
  if (hasFailed) return withoutSocketMs === undefined ? FIRST_MS : backOff(withoutSocketMs);
  if (withoutSocketMs === undefined) return items.some(isAway) ? LAST_MS : false;
  const uploads = items.map(({ storage }) => storage.upload?.state);
  if (items.some(({ state, task }) => state === 'recording' || task !== null) || uploads.includes('uploading')) return backOff(withoutSocketMs);
  if (uploads.includes('waiting') || uploads.includes('failing')) return Math.max(LEAST_WAITING_MS, backOff(withoutSocketMs));
  return items.some(isAway) ? LAST_MS : false;
}

/** On another server, where something may still become of it. */
function isAway({ state, storage }: Recording): boolean {
  return storage.elsewhere && state !== 'failed';
}

/** In steps that double, so that a page that renders anew does not begin to wait anew. */
function backOff(ms: number): number {
  return Math.min(LAST_MS, FIRST_MS * 2 ** Math.max(0, Math.floor(Math.log2(ms / FIRST_MS))));
}
