/** What keeps other sites and other people's browsers from acting in a user's name. */
import { AppError } from '../lib/app-error.ts';
import { type Connection, type ConnectionSettings, requestOrigin } from './connection.ts';

/** Any site may call the API, but not with a visitor's cookie: without `Allow-Credentials` browsers send none. */
export const CORS_HEADERS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, PATCH, DELETE',
  'access-control-allow-headers': 'authorization, content-type',
  'access-control-expose-headers': 'retry-after, allow',
  'access-control-max-age': '86400',
} as const;

export const COMMON_HEADERS = {
  'x-content-type-options': 'nosniff',
  // A watch link may carry a token: it stays here.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
} as const;

/** Half a year of nothing but HTTPS, for a host that everybody's browser trusts. */
export const STRICT_HEADERS = { 'strict-transport-security': 'max-age=15552000' } as const;

/** JSON is nothing to show, frame or run. */
export const API_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

/**
 * Refuses a write that a browser sends with its cookie for another site (request forgery). A bearer token is set on
 * purpose, so it needs no such check; programs send neither header.
 */
export function assertOwnOrigin(request: Request, connection: Connection, settings: ConnectionSettings): void {
  const { headers } = request;
  if (headers.has('authorization') || !headers.has('cookie')) return;
  const site = headers.get('sec-fetch-site');
  if (site === 'same-origin' || site === 'none') return;
  const origin = headers.get('origin');
  if (origin === null && site === null) return;
  if (origin !== null && (origin === requestOrigin(request, connection, settings) || origin === settings.publicUrl)) return;
  throw new AppError('forbidden', { detail: 'A page of another site may not do this with your cookie.' });
}
