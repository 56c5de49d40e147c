/** Sends media over HTTP: whole or a range, from buffers that are shared and never copied. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What browsers of other origins may do and see. */
export const CORS_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Content-Length, Content-Range, Date, Retry-After',
  'Timing-Allow-Origin': '*',
} as const;

/** How long caches keep what never changes: a day outlives every live window. */
export const IMMUTABLE = 'public, max-age=86400, immutable';

/** Private media is cached by the player alone. */
export const PRIVATE_IMMUTABLE = 'private, max-age=86400, immutable';

/** What changes: a cache may keep it, and asks each time whether it still holds. */
export const ASKED_ANEW = 'no-cache';
export const PRIVATE_ASKED_ANEW = 'private, no-cache';

export interface Body {
  /** The bytes, in pieces. */
  readonly pieces: readonly Uint8Array[];
  readonly size: number;
  readonly contentType: string;
  readonly cacheControl: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface ByteRange {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** Answers GET and HEAD with 200, 206 or 416. Returns the number of bytes of media sent. */
export function sendBody(req: IncomingMessage, res: ServerResponse, body: Body): number {
  const { pieces, size, contentType, cacheControl } = body;
  const asked = req.headers.range;
  const range = asked === undefined ? undefined : parseRange(asked, size);
  if (range === 'unsatisfiable') {
    res.writeHead(416, { ...CORS_HEADERS, 'Content-Range': `bytes */${size}`, 'Content-Length': 0 });
    res.end();
    return 0;
  }
  const { from, to } = range ?? { from: 0, to: size };
  const headers = { ...CORS_HEADERS, 'Content-Type': contentType, 'Content-Length': to - from, 'Cache-Control': cacheControl, 'Accept-Ranges': 'bytes', ...body.headers };
  if (range) res.writeHead(206, { ...headers, 'Content-Range': `bytes ${from}-${to - 1}/${size}` });
  else res.writeHead(200, headers);
  if (req.method === 'HEAD') {
    res.end();
    return 0;
  }
  writePieces(res, pieces, from, to);
  res.end();
  return to - from;
}

function writePieces(res: ServerResponse, pieces: readonly Uint8Array[], from: number, to: number): void {
  let at = 0;
  for (const piece of pieces) {
    const start = Math.max(0, from - at);
    const end = Math.min(piece.length, to - at);
    if (start < end) res.write(start === 0 && end === piece.length ? piece : piece.subarray(start, end));
    at += piece.length;
  }
}

/** RFC 9110 §14: one byte range; several, or other units, are ignored and the whole is sent. */
export function parseRange(header: string, size: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim());
  if (!match) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return undefined;
    const count = Math.min(Number(last), size);
    return count === 0 ? 'unsatisfiable' : { from: size - count, to: size };
  }
  const from = Number(first);
  const to = last === '' ? size : Math.min(Number(last) + 1, size);
  if (last !== '' && Number(last) < from) return undefined;
  return from >= size ? 'unsatisfiable' : { from, to };
}
