/** The failures of an operation as OpenAPI responses. */
import { ERRORS, type ErrorCode } from './errors.ts';
import type { Json, JsonObject } from './json-schema.ts';

/** Statuses that come with a time to wait. */
const RETRIED: ReadonlySet<number> = new Set([429, 503]);

/** One response for each status, listing the codes that share it. */
export function problemResponses(codes: readonly ErrorCode[], problem: JsonObject): Record<string, Json> {
  const byStatus = Map.groupBy(codes, (code) => ERRORS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join('\n\n'),
        ...(RETRIED.has(status) || group.includes('no_publisher') ? { headers: { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } } } } : {}),
        content: { 'application/problem+json': { schema: problem } },
      },
    ]),
  );
}
