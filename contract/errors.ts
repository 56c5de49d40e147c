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
  sdp_malformed: {
    status: 400,
    title: 'The session description cannot be read.',
    retry: 'after-fixing',
    remedy: 'WHIP and WHEP take an SDP offer with BUNDLE, rtcp-mux, ICE credentials and a DTLS fingerprint. `detail` names what is wrong.',
  },
  not_authenticated: {
    status: 401,
    title: 'Sign in first.',
    retry: 'after-fixing',
    remedy: 'Send a session cookie or `Authorization: Bearer <token>`. `POST /api/v1/auth/guest` gives a token without a form.',
  },
  stream_key_refused: {
    status: 401,
    title: 'The stream key is missing, wrong or has been replaced.',
    retry: 'after-fixing',
    remedy: 'WHIP takes the key of the stream as `Authorization: Bearer <key>`.',
  },
  session_token_required: {
    status: 401,
    title: 'This session was opened with another token.',
    retry: 'after-fixing',
    remedy: 'PATCH and DELETE of a WHIP or WHEP session carry the bearer token that its POST carried.',
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
  webhook_not_found: {
    status: 404,
    title: 'There is no such webhook, or it is not yours.',
    retry: 'never',
    remedy: 'A webhook of somebody else answers as if it did not exist.',
  },
  delivery_not_found: {
    status: 404,
    title: 'This delivery is not in the log of the webhook, or no longer.',
    retry: 'never',
    remedy: 'Deliveries stay in the log for 30 days.',
  },
  target_not_found: {
    status: 404,
    title: 'This stream is not forwarded to such a service.',
    retry: 'never',
    remedy: '`GET /api/v1/streams/{id}/targets` lists the targets of a stream.',
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
  picture_not_found: {
    status: 404,
    title: 'There is no picture of this, or not yet.',
    retry: 'later',
    remedy: 'The first one is there some seconds after the video began. Sound alone has none, nor has video whose codec the server cannot decode.',
  },
  recording_not_found: {
    status: 404,
    title: 'This recording is not here. It may have been deleted, or is not for everybody.',
    retry: 'never',
    remedy: 'A recording of somebody else answers as if it did not exist, and so does a private one without its token.',
  },
  session_not_found: {
    status: 404,
    title: 'This session is over.',
    retry: 'never',
    remedy: 'A WHIP or WHEP session ends with DELETE, when its peer vanishes, or with its broadcast. POST a new offer.',
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
  no_common_codec: {
    status: 406,
    title: 'You and the server have no codec in common.',
    retry: 'after-fixing',
    remedy: 'WHIP takes H.264, VP8, VP9, AV1 or HEVC and Opus. WHEP needs the codec that the publisher sends. `detail` names them.',
  },
  no_media: {
    status: 409,
    title: 'Nothing arrives from your encoder yet, so there is nothing to start.',
    retry: 'later',
    remedy: 'Start the encoder first; the stream shows `preview` when its media arrives.',
  },
  no_publisher: {
    status: 409,
    title: 'Nobody publishes to this stream now.',
    retry: 'later',
    remedy: 'WHEP plays running broadcasts. `Retry-After` says how many seconds to wait; the stream socket tells when it begins.',
  },
  publisher_present: {
    status: 409,
    title: 'This stream has a publisher already.',
    retry: 'later',
    remedy: 'The stream refuses a second publisher. End the first one, or set `secondPublisher` to `takeover`.',
  },
  recording_not_ready: {
    status: 409,
    title: 'This recording is not ready.',
    retry: 'later',
    remedy: 'Its broadcast still runs, or nothing of it could be kept: `state` and `problem` tell. End the broadcast first; it is ready some seconds later.',
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
  webhook_limit_reached: {
    status: 409,
    title: 'You have as many webhooks as you may have.',
    retry: 'after-fixing',
    remedy: 'Delete a webhook you no longer need: one address may be for several events.',
  },
  webhook_disabled: {
    status: 409,
    title: 'This webhook is switched off.',
    retry: 'after-fixing',
    remedy: 'Switch it on by `PATCH /webhooks/{id}` with `{"enabled": true}`, then send again.',
  },
  precondition_failed: {
    status: 412,
    title: 'The session has changed since.',
    retry: 'after-fixing',
    remedy: 'Send the newest `ETag` of the session in `If-Match`.',
  },
  body_too_large: {
    status: 413,
    title: 'The request is too large.',
    retry: 'after-fixing',
    remedy: 'JSON bodies may have 64 KiB, session descriptions 256 KiB.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The request is not JSON.',
    retry: 'after-fixing',
    remedy: 'Send `Content-Type: application/json`.',
  },
  sdp_expected: {
    status: 415,
    title: 'The request is not a session description.',
    retry: 'after-fixing',
    remedy: 'POST takes `Content-Type: application/sdp`, PATCH `application/trickle-ice-sdpfrag`.',
  },
  address_not_allowed: {
    status: 422,
    title: 'This server does not call that address.',
    retry: 'after-fixing',
    remedy:
      'The host is, or its name leads to, this machine, a private network or another range that is not of the open internet. An operator who trusts everybody with an account allows it with `ALLOW_PRIVATE_ADDRESSES=true`.',
  },
  ice_restart_unsupported: {
    status: 422,
    title: 'This session cannot change its ICE credentials.',
    retry: 'never',
    remedy:
      'Restarts of ICE go through the built-in TURN server, which is off here (`TURN_PORT=off`) or another one (`TURN_URLS`). POST a new offer: the same key takes over its own broadcast, and viewers keep watching.',
  },
  precondition_required: {
    status: 428,
    title: 'Say which state of the session you mean.',
    retry: 'after-fixing',
    remedy: 'PATCH needs `If-Match` with the `ETag` of the session.',
  },
  too_many_requests: {
    status: 429,
    title: 'Too many tries. Wait a moment, then try again.',
    retry: 'later',
    remedy: '`Retry-After` says how many seconds to wait.',
  },
  too_many_connections: {
    status: 429,
    title: 'Too many pages are open on this network. Close some, then try again.',
    retry: 'later',
    remedy: 'One address (of IPv6: one /64) may hold so many sockets open. For the operator: behind a proxy set `TRUST_PROXY`, or all viewers come from its address.',
  },
  internal: {
    status: 500,
    title: 'Something broke on our side.',
    retry: 'later',
    remedy: 'The server log has a line with the same `instance`.',
  },
  storage_refused: {
    status: 502,
    title: 'The object storage does not let this server in.',
    retry: 'later',
    remedy:
      'For the operator: `S3_ACCESS_KEY_ID` and `S3_SECRET_ACCESS_KEY` must be right, and may read, write, list and delete in the bucket. Uploads wait meanwhile; nothing is lost.',
  },
  storage_bucket_missing: {
    status: 502,
    title: 'The object storage has no such bucket.',
    retry: 'later',
    remedy: 'For the operator: make the bucket that `S3_BUCKET` names, in the region of `S3_REGION`. Uploads wait meanwhile; nothing is lost.',
  },
  storage_upload_lost: {
    status: 502,
    title: 'The object storage has forgotten an upload.',
    retry: 'later',
    remedy: 'The upload begins anew by itself. A rule of the bucket that ends unfinished uploads may be too strict.',
  },
  storage_damaged: {
    status: 502,
    title: 'What arrived at the object storage is not what was sent.',
    retry: 'later',
    remedy: 'The file is sent again by itself, and kept here until what arrived is whole.',
  },
  storage_unreachable: {
    status: 503,
    title: 'The object storage does not answer.',
    retry: 'later',
    remedy: 'Uploads are tried again by themselves, and go on where they were. For the operator: check `S3_ENDPOINT` and the network.',
  },
  storage_full: {
    status: 507,
    title: 'The object storage is full.',
    retry: 'later',
    remedy: 'Uploads wait and are tried again. For the operator: make room, or raise the quota of the bucket.',
  },
  source_refused: {
    status: 502,
    title: 'The source does not let this server in.',
    retry: 'after-fixing',
    remedy: 'The user name, the password, the passphrase or the name of the stream is wrong, or has changed. Set the whole address again.',
  },
  source_not_found: {
    status: 502,
    title: 'The source has nothing at this address.',
    retry: 'after-fixing',
    remedy: 'The server answers, but not for this path or file. It is tried again by itself: what is not there yet may come.',
  },
  source_untrusted: {
    status: 502,
    title: 'The certificate of the source cannot be trusted.',
    retry: 'after-fixing',
    remedy:
      'It has expired, is for another name, or is signed by an authority that this server does not know. Nothing is fetched over such a connection. An operator adds authorities with `NODE_EXTRA_CA_CERTS`.',
  },
  source_unreadable: {
    status: 502,
    title: 'What the source sends cannot be read.',
    retry: 'later',
    remedy: 'It is tried again by itself. If it stays, the address may lead to a page in place of a stream.',
  },
  source_unsupported: {
    status: 502,
    title: 'The source sends nothing that can be shown.',
    retry: 'after-fixing',
    remedy: 'H.264, HEVC, AV1, VP9 and VP8 are taken, with AAC, Opus or MP3. Choose one of them in the settings of the camera or the server.',
  },
  source_ended: {
    status: 502,
    title: 'The source has ended.',
    retry: 'later',
    remedy: 'There was no more to fetch. It is fetched again from its beginning.',
  },
  source_unreachable: {
    status: 504,
    title: 'The source cannot be reached.',
    retry: 'later',
    remedy: 'It is tried again by itself. Check that it is switched on, and that this server may connect to its address and port.',
  },
  media_processes_exhausted: {
    status: 503,
    title: 'This server fetches and forwards as much as it may.',
    retry: 'later',
    remedy: 'It is tried again by itself. For the operator: `MEDIA_PROCESSES_MAX` bounds the processes, `millrace_media_processes` shows how many run.',
  },
  on_another_server: {
    status: 503,
    title: 'This is on another server, which this one cannot ask for it.',
    retry: 'later',
    remedy:
      'Several servers work on one database, and live broadcasts and the files of recordings stay where they were made. Ask the server that has them; a recording can be had everywhere once it is in object storage.',
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
