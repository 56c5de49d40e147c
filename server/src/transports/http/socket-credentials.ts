/** What a socket's handshake brings to prove who it is. */
import type { IncomingMessage } from 'node:http';
import type { PlaybackCredentials } from '../../stream/playback-gate.ts';

/** `new WebSocket(url, ['millrace.stream.v1', 'bearer.<token>'])`: browsers cannot send an Authorization header. */
const BEARER_PROTOCOL = /(?:^|,)\s*bearer\.([A-Za-z0-9._~+/=-]+)\s*(?:,|$)/;

/**
 * The token of `?token=`, the bearer of a header or subprotocol, and the cookie if the page that opened the socket is ours:
 * browsers send cookies whichever page asks.
 */
export function credentialsOf(request: IncomingMessage, publicUrl: string | undefined): PlaybackCredentials {
  const { headers, url = '' } = request;
  const bearer = BEARER_PROTOCOL.exec(headers['sec-websocket-protocol'] ?? '')?.[1];
  const query = url.includes('?') ? new URLSearchParams(url.slice(url.indexOf('?') + 1)) : undefined;
  return {
    token: query?.get('token') ?? undefined,
    cookie: isOwnPage(headers.origin, headers.host, publicUrl) ? headers.cookie : undefined,
    authorization: headers.authorization ?? (bearer === undefined ? undefined : `Bearer ${bearer}`),
  };
}

function isOwnPage(origin: string | undefined, host: string | undefined, publicUrl: string | undefined): boolean {
  // Programs send no Origin, and only the cookies they mean to.
  if (origin === undefined) return true;
  if (publicUrl !== undefined && URL.canParse(publicUrl) && new URL(publicUrl).origin === origin) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}
