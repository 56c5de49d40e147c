/** What every media route does first: methods, CORS, the address, and whether this asker may see the stream. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendProblem } from '../../lib/problem.ts';
import { isRefusal, type PlaybackDecision, type PlaybackGate } from '../../stream/playback-gate.ts';
import { CORS_HEADERS } from './send-body.ts';

export interface MediaRequest {
  readonly streamId: string;
  /** The path behind the stream's id. */
  readonly rest: readonly string[];
  readonly query: URLSearchParams;
  /** `` or `?token=…`: what the URLs in an answer carry on. */
  readonly carried: string;
  /** True when the answer may rest on who asks: shared caches must not keep it. */
  readonly personal: boolean;
}

const PREFLIGHT_HEADERS = {
  ...CORS_HEADERS,
  'Access-Control-Allow-Methods': 'GET, HEAD, OPTIONS',
  'Access-Control-Allow-Headers': 'Authorization, Range',
  'Access-Control-Max-Age': '86400',
} as const;

/** An id is 21 characters, a name with its epoch under a hundred: longer paths are not ours. */
const MAX_PATH_LENGTH = 300;

/** False when the request was answered already: preflights are, other methods than GET and HEAD are refused. */
export function isMediaMethod(req: IncomingMessage, res: ServerResponse): boolean {
  if (req.method === 'GET' || req.method === 'HEAD') return true;
  if (req.method === 'OPTIONS') {
    res.writeHead(204, PREFLIGHT_HEADERS);
    res.end();
  } else sendProblem(res, 'method_not_allowed', { headers: { Allow: 'GET, HEAD, OPTIONS' } });
  return false;
}

/** Undefined when the request was answered already. */
export function parseMediaRequest(req: IncomingMessage, res: ServerResponse, path: string): MediaRequest | undefined {
  if (!isMediaMethod(req, res)) return undefined;
  const [, , streamId, ...rest] = path.length <= MAX_PATH_LENGTH ? path.split('/') : [];
  if (!streamId || rest.length === 0) {
    sendProblem(res, 'not_found');
    return undefined;
  }
  const url = req.url ?? '';
  const mark = url.indexOf('?');
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  const token = query.get('token');
  const personal = token !== null || req.headers.cookie !== undefined || req.headers.authorization !== undefined;
  return { streamId, rest, query, personal, carried: token === null ? '' : `?token=${encodeURIComponent(token)}` };
}

/**
 * Calls `serve` when the asker may see the stream and is still there, else answers. Returns a promise only where the gate or `serve` needs one.
 * @param serve is given the request without a token where none is needed: made-up ones would make a playlist each.
 */
export function checkPlayback(
  gate: PlaybackGate,
  req: IncomingMessage,
  res: ServerResponse,
  request: MediaRequest,
  serve: (admitted: MediaRequest) => void | Promise<void>,
): void | Promise<void> {
  const { cookie, authorization } = req.headers;
  const decision = gate.check(request.streamId, { token: request.query.get('token') ?? undefined, cookie, authorization });
  const act = (decided: PlaybackDecision): void | Promise<void> => {
    if (!isRefusal(decided)) return serve(decided === 'open' && request.carried !== '' ? { ...request, carried: '' } : request);
    sendProblem(res, decided === 'denied' ? 'playback_not_allowed' : 'stream_not_found');
  };
  if (!(decision instanceof Promise)) return act(decision);
  let isGone = false;
  res.once('close', () => {
    isGone = true;
  });
  return decision.then((decided) => (isGone ? undefined : act(decided)));
}
