/** The delivery directives a player puts behind a media playlist's URL (rfc8216bis §6.2.5). */

export interface ReloadQuery {
  readonly msn: number | undefined;
  readonly part: number | undefined;
  readonly skip: boolean;
}

/** A number of more digits than this is nonsense: 2^53 has sixteen. */
const DIGITS = /^\d{1,15}$/;

/** Undefined when a directive is not what the specification allows; the answer is then 400. */
export function parseReloadQuery(query: URLSearchParams): ReloadQuery | undefined {
  const msn = wholeNumber(query.getAll('_HLS_msn'));
  const part = wholeNumber(query.getAll('_HLS_part'));
  const skip = query.getAll('_HLS_skip');
  if (msn === 'invalid' || part === 'invalid') return undefined;
  if (part !== undefined && msn === undefined) return undefined;
  if (skip.length > 1 || (skip[0] !== undefined && skip[0] !== 'YES' && skip[0] !== 'v2')) return undefined;
  return { msn, part, skip: skip.length === 1 };
}

function wholeNumber(values: readonly string[]): number | undefined | 'invalid' {
  const [text] = values;
  if (text === undefined) return undefined;
  return values.length === 1 && DIGITS.test(text) ? Number(text) : 'invalid';
}

/** Where a reload points, seen from the live edge of its playlist. */
export interface LiveEdge {
  /** Number of the last segment, the open one included once it has a part. */
  readonly lastMsn: number;
  readonly lastPart: number | undefined;
  readonly partTargetSeconds: number;
}

/** rfc8216bis §6.2.5.2: more than two segments or too many parts ahead is not waited for. */
export function isTooFarAhead({ msn, part }: ReloadQuery, { lastMsn, lastPart, partTargetSeconds }: LiveEdge): boolean {
  if (msn === undefined) return false;
  if (msn > lastMsn + 2) return true;
  if (part === undefined || msn < lastMsn) return false;
  const limit = partTargetSeconds < 1 ? Math.ceil(3 / partTargetSeconds) : 3;
  return part > (msn === lastMsn ? (lastPart ?? 0) : 0) + limit;
}
