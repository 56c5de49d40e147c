/** Every failure as it leaves the API: RFC 9457 problem details with a code from the registry. */
import type { Problem } from '@millrace/contract/entities/problem';
import { ERRORS } from '@millrace/contract/errors';
import { API_PREFIX } from '@millrace/contract/protocol';
import { AppError } from '../lib/app-error.ts';
import type { Log } from '../lib/log.ts';

/** Turns what was thrown into an answer. What is not an AppError is ours: logged with the `instance` that the answer shows. */
export function problemOf(error: unknown, { log, newInstance, path }: { readonly log: Log; readonly path: string; newInstance(): string }): Response {
  if (error instanceof AppError) return problemResponse(error);
  const instance = newInstance();
  log.error({ err: error, instance, path }, 'a request failed');
  return problemResponse(new AppError('internal', {}, error), instance);
}

export function problemResponse({ code, params }: AppError, instance?: string): Response {
  const { status, title } = ERRORS[code];
  const problem: Problem = {
    type: `${API_PREFIX}/errors/${code}`,
    title,
    status,
    code,
    ...(params.detail === undefined ? {} : { detail: params.detail }),
    ...(instance === undefined ? {} : { instance }),
    ...(params.fields === undefined ? {} : { fields: params.fields.map(({ path, message }) => ({ path, message })) }),
  };
  const headers = new Headers({ 'content-type': 'application/problem+json' });
  if (params.retryAfterSeconds !== undefined) headers.set('retry-after', String(params.retryAfterSeconds));
  if (params.allow !== undefined) headers.set('allow', params.allow.join(', '));
  if (status === 401) headers.set('www-authenticate', 'Bearer');
  return new Response(JSON.stringify(problem), { status, headers });
}
