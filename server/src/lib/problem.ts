/** Answers a raw HTTP request with a problem document from the error registry. */
import type { ServerResponse } from 'node:http';
import { ERRORS, type ErrorCode } from '@millrace/contract/errors';

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
  const { status, title } = ERRORS[code];
  const body = JSON.stringify({ type: `/docs/errors/${code}`, title, status, code, ...(detail === undefined ? {} : { detail }) });
  res.writeHead(status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'Access-Control-Allow-Origin': '*',
    ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }),
    ...headers,
  });
  res.end(body);
}
