/** Serves one route of the contract: authenticates, checks what came, calls the handler, writes the answer. */
import type { User } from '@millrace/contract/entities/user';
import { API_PREFIX } from '@millrace/contract/protocol';
import type { Route } from '@millrace/contract/rest/route';
import type { Hono } from 'hono';
import type { z } from 'zod';
import type { SessionCredentials } from '../accounts/accounts.ts';
import { AppError } from '../lib/app-error.ts';
import type { Origin } from '../streams/addresses.ts';
import { type Connection, type ConnectionSettings, isSecure, originOf, remoteAddressOf, secureOriginOf } from './connection.ts';
import { parse, parseQuery, readJson } from './parse.ts';
import { assertOwnOrigin } from './security.ts';

/** The surroundings of a call that are the same for every route. */
export interface CallContext {
  readonly credentials: SessionCredentials;
  readonly remoteAddress: string;
  readonly userAgent: string | undefined;
  readonly origin: Origin;
  /** Where the asker finds this server encrypted; undefined while HTTPS is off. */
  readonly secureOrigin: string | undefined;
  readonly secure: boolean;
  /** Added to the answer; for Set-Cookie. */
  readonly responseHeaders: Headers;
}

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** What a handler is called with: the route's own types. */
export interface Call<R extends Route> extends CallContext {
  readonly params: Parsed<R['params']>;
  readonly query: Parsed<R['query']>;
  readonly body: Parsed<R['body']>;
  readonly user: R['auth'] extends 'required' ? User : R['auth'] extends 'optional' ? User | undefined : undefined;
}

/** Returns the body of the success, or throws AppError. */
export type Handler<R extends Route> = (call: Call<R>) => Promise<Answer<R>> | Answer<R>;

type Answer<R extends Route> = R['success'] extends { readonly body: infer Body extends z.ZodType } ? z.input<Body> : undefined;

export interface MountDeps {
  readonly app: Hono<{ Bindings: Connection }>;
  readonly connection: ConnectionSettings;
  identify(credentials: SessionCredentials): User | undefined | Promise<User | undefined>;
}

interface LooseCall extends CallContext {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly user: User | undefined;
}

export function mount<R extends Route>(deps: MountDeps, route: R, handler: Handler<R>): void;
// The overload gives the handler its types; here they are what the schemas have just checked.
export function mount(deps: MountDeps, route: Route, handler: (call: LooseCall) => unknown): void {
  const path = API_PREFIX + route.path.replaceAll(/\{(\w+)\}/g, ':$1');
  deps.app.on(route.method.toUpperCase(), path, async (c) => {
    const request = c.req.raw;
    const context = contextOf(request, c.env, deps.connection);
    if (route.method !== 'get') assertOwnOrigin(request, c.env, deps.connection);
    const user = route.auth === 'none' ? undefined : await deps.identify(context.credentials);
    if (route.auth === 'required' && !user) throw new AppError('not_authenticated');
    const params = route.params ? parseParams(route, c.req.param()) : undefined;
    const query = route.query ? parseQuery(route.query, new URL(request.url).searchParams) : undefined;
    const body = route.body ? parse(route.body, await readJson(request)) : undefined;
    const answer = await handler({ ...context, user, params, query, body });
    const { responseHeaders } = context;
    if (!route.success.body) return new Response(null, { status: route.success.status, headers: responseHeaders });
    responseHeaders.set('content-type', 'application/json');
    return new Response(JSON.stringify(answer), { status: route.success.status, headers: responseHeaders });
  });
}

export function contextOf(request: Request, connection: Connection, settings: ConnectionSettings): CallContext {
  const { headers } = request;
  return {
    credentials: { cookie: headers.get('cookie') ?? undefined, authorization: headers.get('authorization') ?? undefined },
    remoteAddress: remoteAddressOf(request, connection, settings),
    userAgent: headers.get('user-agent') ?? undefined,
    origin: originOf(request, connection, settings),
    secureOrigin: secureOriginOf(request, connection, settings),
    secure: isSecure(request, connection, settings),
    responseHeaders: new Headers(),
  };
}

/** A path that cannot name anything names nothing: the route's own 404, as for an id that is well formed and unknown. */
function parseParams(route: Route, raw: Record<string, string>): unknown {
  const parsed = route.params?.safeParse(raw);
  if (parsed?.success) return parsed.data;
  throw new AppError(route.errors.find((code) => code.endsWith('not_found')) ?? 'not_found');
}
