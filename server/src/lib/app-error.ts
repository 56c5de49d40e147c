/** A refusal with a code from the registry: thrown where it is seen, made into a problem document where the request is answered. */
import { ERRORS, type ErrorCode } from '@millrace/contract/errors';

export interface AppErrorParams {
  /** What happened here, in a sentence for a person. */
  readonly detail?: string;
  /** The fields that were wrong, for `invalid_request`. */
  readonly fields?: readonly { readonly path: string; readonly message: string }[];
  /** For `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** For `Allow`. */
  readonly allow?: readonly string[];
}

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly params: AppErrorParams;

  constructor(code: ErrorCode, params: AppErrorParams = {}, cause?: unknown) {
    super(params.detail ?? ERRORS[code].title, cause === undefined ? undefined : { cause });
    this.name = 'AppError';
    this.code = code;
    this.params = params;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}
