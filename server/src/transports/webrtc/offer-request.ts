/** What WHIP and WHEP read of a request, and the headers that they answer with. Source: RFC 9725 §4. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../../lib/app-error.ts';

/** A browser's offer with every codec it knows has 10 KB; nothing that needs more is one. */
const MAX_OFFER_BYTES = 256 * 1024;

const SDP_TYPE = 'application/sdp';
const FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag';

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

export function answerOptions(res: ServerResponse, allow: string): void {
  res.writeHead(204, {
    ...OFFER_HEADERS,
    Allow: allow,
    'Accept-Post': SDP_TYPE,
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
  return readText(req, SDP_TYPE);
}

/** The text of a trickled fragment. Throws AppError. */
export function readFragment(req: IncomingMessage): Promise<string> {
  return readText(req, FRAGMENT_TYPE);
}

async function readText(req: IncomingMessage, type: string): Promise<string> {
  if (req.headers['content-type']?.split(';')[0]?.trim().toLowerCase() !== type) throw new AppError('sdp_expected', { detail: `Send Content-Type: ${type}.` });
  if (Number(req.headers['content-length'] ?? 0) > MAX_OFFER_BYTES) throw tooLarge();
  const pieces: Buffer[] = [];
  let bytes = 0;
  // A body that is too long still gets its answer.
  for await (const piece of req.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(piece)) continue;
    bytes += piece.length;
    if (bytes > MAX_OFFER_BYTES) throw tooLarge();
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function tooLarge(): AppError {
  return new AppError('body_too_large', { detail: `A session description may have ${MAX_OFFER_BYTES / 1024} KiB.` });
}
