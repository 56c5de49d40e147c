/** The registry of everything that can go wrong: one code, one status, one sentence. docs/errors has a page for each. */

interface ErrorEntry {
  /** HTTP status; a socket closes with 4000 + status. */
  readonly status: number;
  /** The sentence a person reads. */
  readonly title: string;
  /** Whether the same request may succeed later. */
  readonly retry: 'never' | 'later' | 'after-fixing';
  /** For operators and developers: when it occurs and what to do. */
  readonly remedy: string;
}

export const ERRORS = {
  invalid_request: {
    status: 400,
    title: 'Something in the request is not as it should be.',
    retry: 'after-fixing',
    remedy: 'Each entry of `fields` names a field and what is allowed there. Unknown fields are refused too, so check the spelling.',
  },
  not_authenticated: {
    status: 401,
    title: 'Sign in first.',
    retry: 'after-fixing',
    remedy: 'Send a session cookie or `Authorization: Bearer <token>`. `POST /api/v1/auth/guest` gives a token without a form.',
  },
  forbidden: {
    status: 403,
    title: 'You may not do this.',
    retry: 'never',
    remedy: 'The identity is known but lacks the permission. Things it may not even know of answer 404 instead.',
  },
  guests_not_allowed: {
    status: 403,
    title: 'Guests may not publish on this server.',
    retry: 'never',
    remedy: 'The operator set `GUESTS` to `watch` or `off`.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing at this address.',
    retry: 'never',
    remedy: 'Check the path against the OpenAPI document at `/api/v1/openapi.json`.',
  },
  stream_not_found: {
    status: 404,
    title: 'There is no such stream, or it is not yours.',
    retry: 'never',
    remedy: 'A stream of somebody else answers as if it did not exist.',
  },
  code_not_found: {
    status: 404,
    title: 'No stream has this code. Check the six characters, or ask for the link.',
    retry: 'never',
    remedy: 'Codes have six characters without 0 O 1 I L. A private stream shows itself only with its token or to its owner.',
  },
  media_not_found: {
    status: 404,
    title: 'This piece of the broadcast is not here, or no longer.',
    retry: 'never',
    remedy: 'Live segments stay for a short while. Reload the playlist to learn what is there now.',
  },
  not_live: {
    status: 404,
    title: 'This stream is not live now.',
    retry: 'later',
    remedy: 'No publisher has sent media, or the broadcast is over. The stream socket tells when it changes.',
  },
  playback_not_allowed: {
    status: 401,
    title: 'This stream is private. Ask its owner for a link.',
    retry: 'after-fixing',
    remedy: 'Media of a private stream needs a playback token that has not expired (`?token=`), or the session of its owner.',
  },
  method_not_allowed: {
    status: 405,
    title: 'This address does not take that method.',
    retry: 'never',
    remedy: 'See the `Allow` header.',
  },
  no_media: {
    status: 409,
    title: 'Nothing arrives from your encoder yet, so there is nothing to start.',
    retry: 'later',
    remedy: 'Start the encoder first; the stream shows `preview` when its media arrives.',
  },
  not_running: {
    status: 409,
    title: 'There is no broadcast to stop.',
    retry: 'never',
    remedy: 'The stream is idle or its broadcast has ended.',
  },
  limit_reached: {
    status: 409,
    title: 'You have as many as you may have.',
    retry: 'after-fixing',
    remedy: 'Delete a stream you no longer need, or use an account with a larger limit.',
  },
  body_too_large: {
    status: 413,
    title: 'The request is too large.',
    retry: 'after-fixing',
    remedy: 'JSON bodies may have 64 KiB.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The request is not JSON.',
    retry: 'after-fixing',
    remedy: 'Send `Content-Type: application/json`.',
  },
  too_many_requests: {
    status: 429,
    title: 'Too many tries. Wait a moment, then try again.',
    retry: 'later',
    remedy: '`Retry-After` says how many seconds to wait.',
  },
  internal: {
    status: 500,
    title: 'Something broke on our side.',
    retry: 'later',
    remedy: 'The server log has a line with the same `instance`.',
  },
  overloaded: {
    status: 503,
    title: 'The server is busy. Try again in a moment.',
    retry: 'later',
    remedy: '`Retry-After` says how many seconds to wait. A blocking playlist reload that took too long answers so as well.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

// Object.keys is typed string[]; the registry is closed, so its keys are exactly ErrorCode.
export const ERROR_CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

/** Socket close code for an error: 4000 + HTTP status. */
export function closeCodeOf(code: ErrorCode): number {
  return 4000 + ERRORS[code].status;
}
