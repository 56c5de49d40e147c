/** What WHIP and WHEP read of a request, and the headers that they answer with. Source: RFC 9725 §4. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorCode } from '@millrace/contract/errors';
import { AppError } from '../../lib/app-error.ts';

/** A browser's offer with every codec it knows has 10 KB; nothing that needs more is one. */
const MAX_OFFER_BYTES = 256 * 1024;

/** Names of layers are short. */
const MAX_JSON_BYTES = 4 * 1024;

const SDP_TYPE = 'application/sdp';
export const FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag';
export const JSON_TYPE = 'application/json';

/** Browsers of other origins may do and read all of it: there is no cookie that publishing rests on. */
export const OFFER_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Location, Link, ETag, Accept-Patch, Retry-After',
  'Cache-Control': 'no-store',
} as const;

export interface IceServer {
  /** Like `turn:host:3478?transport=udp`. */
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

export function answerOptions(res: ServerResponse, allow: string, posted = SDP_TYPE): void {
  res.writeHead(204, {
    ...OFFER_HEADERS,
    Allow: allow,
    'Accept-Post': posted,
    'Accept-Patch': FRAGMENT_TYPE,
    'Access-Control-Allow-Methods': allow,
    'Access-Control-Allow-Headers': 'Authorization, Content-Type, If-Match',
    'Access-Control-Max-Age': '86400',
  });
  res.end();
}

/** RFC 9725 §4.6: one Link for each address. */
export function iceServerLinks(servers: readonly IceServer[]): string[] {
  return servers.flatMap(({ urls, username, credential }) =>
    urls.map((url) => {
      const secret = username === undefined || credential === undefined ? '' : `; username="${username}"; credential="${credential}"; credential-type="password"`;
      return `<${url}>; rel="ice-server"${secret}`;
    }),
  );
}

/** The token of `Authorization: Bearer …`. */
export function bearerOf(req: IncomingMessage): string | undefined {
  return /^bearer +(\S+) *$/i.exec(req.headers.authorization ?? '')?.[1];
}

/** The text of a session description. Throws AppError. */
export function readOffer(req: IncomingMessage): Promise<string> {
  return readText(req, { type: SDP_TYPE, refusal: 'sdp_expected', maxBytes: MAX_OFFER_BYTES });
}

/** The text of a trickled fragment. Throws AppError. */
export function readFragment(req: IncomingMessage): Promise<string> {
  return readText(req, { type: FRAGMENT_TYPE, refusal: 'sdp_expected', maxBytes: MAX_OFFER_BYTES });
}

/** A JSON value. Throws AppError. */
export async function readJson(req: IncomingMessage): Promise<unknown> {
  const text = await readText(req, { type: JSON_TYPE, refusal: 'unsupported_media_type', maxBytes: MAX_JSON_BYTES });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError('invalid_request', { detail: 'The body is not JSON.' }, error);
  }
}

interface Expected {
  readonly type: string;
  /** Of another type. */
  readonly refusal: ErrorCode;
  readonly maxBytes: number;
}

async function readText(req: IncomingMessage, { type, refusal, maxBytes }: Expected): Promise<string> {
  if (req.headers['content-type']?.split(';')[0]?.trim().toLowerCase() !== type) throw new AppError(refusal, { detail: `Send Content-Type: ${type}.` });
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const pieces: Buffer[] = [];
  let bytes = 0;
  // A body that is too long still gets its answer.
  for await (const piece of req.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(piece)) continue;
    bytes += piece.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('body_too_large', { detail: `The body of this request may have ${maxBytes / 1024} KiB.` });
}
