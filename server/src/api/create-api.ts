/** The REST API and the pages as one fetch function, mounted from the contract's routes. */
import { API_PREFIX } from '@millrace/contract/protocol';
import { ROUTES, type RouteId } from '@millrace/contract/rest/routes';
import { Hono } from 'hono';
import type { Accounts } from '../accounts/accounts.ts';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Recordings } from '../library/recordings.ts';
import type { PlaybackTokens } from '../streams/playback-tokens.ts';
import type { Sources } from '../streams/sources.ts';
import type { Streams } from '../streams/streams.ts';
import type { Targets } from '../streams/targets.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import { type Connection, type ConnectionSettings, mayBeStrict } from './connection.ts';
import { accountHandlers } from './handlers/accounts.ts';
import { connectivityHandlers, type IceServerSource } from './handlers/connectivity.ts';
import { documentHandlers } from './handlers/documents.ts';
import { recordingHandlers } from './handlers/recordings.ts';
import { sourceHandlers } from './handlers/sources.ts';
import { type StreamHistory, streamHandlers } from './handlers/streams.ts';
import { targetHandlers } from './handlers/targets.ts';
import { type AuthoritySource, trustHandlers } from './handlers/trust.ts';
import { viewingHandlers } from './handlers/viewing.ts';
import { webhookHandlers } from './handlers/webhooks.ts';
import { type Handler, type MountDeps, mount } from './mount.ts';
import type { Pages } from './pages.ts';
import { problemOf, problemResponse } from './problem.ts';
import { API_HEADERS, COMMON_HEADERS, CORS_HEADERS, STRICT_HEADERS } from './security.ts';

export interface ApiDeps {
  readonly accounts: Accounts;
  readonly streams: Streams;
  readonly targets: Targets;
  readonly recordings: Recordings;
  readonly sources: Sources;
  readonly tokens: PlaybackTokens;
  readonly history: StreamHistory;
  readonly webhooks: Webhooks;
  readonly iceServers: IceServerSource;
  readonly connection: ConnectionSettings;
  /** Undefined while HTTPS is off. */
  readonly authority?: AuthoritySource | undefined;
  /** The built pages; undefined serves the API alone. */
  readonly pages: Pages | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Joins a failure's answer with its line in the log. */
  newInstance(): string;
}

export interface Api {
  /** For `getRequestListener` of @hono/node-server, whose second argument is a Connection. Never rejects. */
  fetch(request: Request, connection: Connection): Promise<Response>;
}

export function createApi(deps: ApiDeps): Api {
  const app = new Hono<{ Bindings: Connection }>();
  mountRoutes({ app, connection: deps.connection, identify: (credentials) => deps.accounts.identify(credentials) }, deps);

  app.options(`${API_PREFIX}/*`, () => new Response(null, { status: 204, headers: CORS_HEADERS }));
  app.notFound((c) => {
    const { path, method } = c.req;
    if (isApi(path)) return problemResponse(wrongAddress(path));
    if (!deps.pages) return problemResponse(new AppError('not_found'));
    return deps.pages.respond(c.req.raw, method, path);
  });
  app.onError((error, c) => problemOf(error, { log: deps.log, newInstance: deps.newInstance, path: c.req.path }));

  return {
    async fetch(request, connection) {
      const response = await app.fetch(request, connection);
      const strict = mayBeStrict(request, connection, deps.connection) ? STRICT_HEADERS : {};
      const own = isApi(new URL(request.url).pathname) ? { ...API_HEADERS, ...CORS_HEADERS } : {};
      return withHeaders(response, { ...COMMON_HEADERS, ...strict, ...own });
    },
  };
}

function mountRoutes(mountDeps: MountDeps, deps: ApiDeps): void {
  const { accounts, streams, targets, recordings, sources, tokens, history, iceServers, clock, authority, webhooks } = deps;
  const handlers: { readonly [Id in RouteId]: Handler<(typeof ROUTES)[Id]> } = {
    ...accountHandlers(accounts),
    ...streamHandlers({ streams, tokens, history, clock }),
    ...targetHandlers(targets),
    ...recordingHandlers({ recordings, tokens, clock }),
    ...sourceHandlers(sources),
    ...viewingHandlers({ streams, tokens, clock }),
    ...webhookHandlers(webhooks),
    ...connectivityHandlers(iceServers),
    ...trustHandlers(authority),
    ...documentHandlers,
  };
  function mountOne<Id extends RouteId>(id: Id): void {
    mount<(typeof ROUTES)[Id]>(mountDeps, ROUTES[id], handlers[id]);
  }
  for (const route of Object.values(ROUTES)) mountOne(route.id);
}

/** A path of the contract with another method: 405 with `Allow`; else 404. */
function wrongAddress(path: string): AppError {
  const below = path.slice(API_PREFIX.length);
  const methods = Object.values(ROUTES)
    .filter((route) => new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(below))
    .map((route) => route.method.toUpperCase());
  return methods.length > 0 ? new AppError('method_not_allowed', { allow: [...methods, 'OPTIONS'] }) : new AppError('not_found');
}

function isApi(path: string): boolean {
  return path === API_PREFIX || path.startsWith(`${API_PREFIX}/`);
}

/** What the answer says itself wins. */
function withHeaders(response: Response, headers: Readonly<Record<string, string>>): Response {
  const merged = new Headers(headers);
  for (const [name, value] of response.headers) if (name !== 'set-cookie') merged.set(name, value);
  for (const cookie of response.headers.getSetCookie()) merged.append('set-cookie', cookie);
  return new Response(response.body, { status: response.status, headers: merged });
}
