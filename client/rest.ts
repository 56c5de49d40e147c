/** The REST calls, typed from the contract's routes: what a route takes and gives is what its call takes and gives. */
import { API_PREFIX } from '@millrace/contract/protocol';
import type { Route } from '@millrace/contract/rest/route';
import { ROUTES, type RouteId } from '@millrace/contract/rest/routes';
import type { z } from 'zod';
import { errorOf, UnreachableError } from './api-error.ts';

type Part<R extends Route, Name extends 'params' | 'query' | 'body'> = R extends { readonly [K in Name]: infer S extends z.ZodType }
  ? Record<never, never> extends z.input<S>
    ? { readonly [K in Name]?: z.input<S> }
    : { readonly [K in Name]: z.input<S> }
  : unknown;

/** What a call of the route takes: its path parameters, query and body, each if the route has it. */
export type InputOf<R extends Route> = Part<R, 'params'> & Part<R, 'query'> & Part<R, 'body'> & { readonly signal?: AbortSignal };

/** What it gives. */
export type OutputOf<R extends Route> = R['success'] extends { readonly body: infer S extends z.ZodType } ? z.output<S> : undefined;

/** One method a route, named by the route's id. */
export type Calls = {
  readonly [Id in RouteId]: Record<never, never> extends InputOf<(typeof ROUTES)[Id]>
    ? (input?: InputOf<(typeof ROUTES)[Id]>) => Promise<OutputOf<(typeof ROUTES)[Id]>>
    : (input: InputOf<(typeof ROUTES)[Id]>) => Promise<OutputOf<(typeof ROUTES)[Id]>>;
};

export interface ClientDeps {
  /** Origin of the server; empty for the page's own. */
  readonly baseUrl: string;
  readonly fetch: typeof fetch;
  /** The bearer of calls that need or use an identity; undefined leaves it to the cookie. */
  getToken(): string | undefined | Promise<string | undefined>;
}

/** The parts of any call, before the route's schemas give them names. */
interface AnyInput {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

export class MillraceClient {
  /** `client.calls.createStream({ body: { title } })` and so on for every route of the contract. */
  readonly calls: Calls;
  readonly #deps: ClientDeps;

  constructor(deps: ClientDeps) {
    this.#deps = deps;
    const entries = Object.values(ROUTES).map((route): [string, unknown] => [route.id, (input?: AnyInput) => this.#call(route, input ?? {})]);
    // The mapped type says per route what this loop does for all: TypeScript cannot follow the correlation.
    this.calls = Object.fromEntries(entries) as Calls;
  }

  async #call(route: Route, input: AnyInput): Promise<unknown> {
    const headers = new Headers({ accept: 'application/json' });
    const token = route.auth === 'none' ? undefined : await this.#deps.getToken();
    if (token) headers.set('authorization', `Bearer ${token}`);
    const body = route.body ? JSON.stringify(input.body ?? {}) : undefined;
    if (body !== undefined) headers.set('content-type', 'application/json');
    const init: RequestInit = { method: route.method.toUpperCase(), headers, credentials: 'same-origin' };
    if (body !== undefined) init.body = body;
    if (input.signal) init.signal = input.signal;
    const response = await this.#deps.fetch(this.#deps.baseUrl + addressOf(route, input), init).catch((cause: unknown) => {
      if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
      throw new UnreachableError('the server cannot be reached', cause);
    });
    if (!response.ok) throw await errorOf(response);
    if (!route.success.body) return undefined;
    const answer: unknown = await response.json().catch(() => undefined);
    const parsed = route.success.body.safeParse(answer);
    if (!parsed.success) throw new UnreachableError(`the answer of ${route.id} is not what the contract says: ${parsed.error.message}`);
    return parsed.data;
  }
}

/** `/api/v1/streams/abc?limit=5` from a route and its input. Query entries that are undefined are left out. */
export function addressOf(route: Route, input: AnyInput): string {
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(input.params?.[name] ?? '')));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(input.query ?? {})) if (value !== undefined) query.set(name, String(value));
  const search = query.toString();
  return API_PREFIX + path + (search ? `?${search}` : '');
}
