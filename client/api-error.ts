/** How calls fail: the server said no (`ApiError`), or nobody could be reached (`UnreachableError`). */
import { type Problem, Problem as ProblemSchema } from '@millrace/contract/entities/problem';
import { ERRORS, type ErrorCode } from '@millrace/contract/errors';

/** The server's answer was a problem document. `retryAfter` is in seconds, from the Retry-After header. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly title: string;
  readonly detail: string | undefined;
  readonly fields: NonNullable<Problem['fields']>;
  readonly retryAfter: number | undefined;

  constructor(problem: Problem, retryAfter?: number) {
    super(problem.detail ?? problem.title);
    this.name = 'ApiError';
    this.code = problem.code;
    this.status = problem.status;
    this.title = problem.title;
    this.detail = problem.detail;
    this.fields = problem.fields ?? [];
    this.retryAfter = retryAfter;
  }
}

/** No answer came, or one that no Millrace server gives: the network, a proxy, a server that restarts. */
export class UnreachableError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'UnreachableError';
  }
}

/** Reads a failed answer. An answer that is no problem document becomes an UnreachableError. */
export async function errorOf(response: Response): Promise<ApiError | UnreachableError> {
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  const parsed = ProblemSchema.safeParse(await response.json().catch(() => undefined));
  if (parsed.success) return new ApiError(parsed.data, Number.isFinite(retryAfter) ? retryAfter : undefined);
  if (response.status === 429) return new ApiError({ ...problemOf('too_many_requests') }, Number.isFinite(retryAfter) ? retryAfter : undefined);
  return new UnreachableError(`answer ${response.status} without a problem document`);
}

function problemOf(code: ErrorCode): Problem {
  return { type: code, title: ERRORS[code].title, status: ERRORS[code].status, code };
}
