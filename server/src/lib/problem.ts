/** Answers a raw HTTP request with a problem document from the error registry. */
import type { ServerResponse } from 'node:http';
import type { Problem } from '@millrace/contract/entities/problem';
import { ERRORS, type ErrorCode } from '@millrace/contract/errors';
import { API_PREFIX } from '@millrace/contract/protocol';

export interface ProblemOptions {
  /** What happened here, in a sentence for a person. */
  readonly detail?: string;
  /** Seconds after which the same request may succeed. */
  readonly retryAfterSeconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** RFC 9457. Sends nothing when the answer has begun already. */
export function sendProblem(res: ServerResponse, code: ErrorCode, { detail, retryAfterSeconds, headers }: ProblemOptions = {}): void {
  if (res.headersSent) return;
  const body = JSON.stringify(problemOf(code, detail));
  res.writeHead(ERRORS[code].status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Expose-Headers': 'Retry-After, Allow',
    ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }),
    ...headers,
  });
  res.end(body);
}

export function problemOf(code: ErrorCode, detail?: string): Problem {
  const { status, title } = ERRORS[code];
  return { type: `${API_PREFIX}/errors/${code}`, title, status, code, ...(detail === undefined ? {} : { detail }) };
}
