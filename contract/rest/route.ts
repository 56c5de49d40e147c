/** A REST operation as a value: the server mounts it, the client calls it, OpenAPI is written from it. */
import type { z } from 'zod';
import type { ErrorCode } from '../errors.ts';

export interface Route {
  /** Unique, camelCase; the OpenAPI operationId and the client's method. */
  readonly id: string;
  readonly method: 'get' | 'post' | 'patch' | 'delete';
  /** Below /api/v1, with `{name}` for parameters. */
  readonly path: string;
  readonly summary: string;
  /** `none`: anybody. `optional`: an identity changes the answer. `required`: 401 without one. */
  readonly auth: 'none' | 'optional' | 'required';
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  readonly success: { readonly status: 200 | 201 | 204; readonly body?: z.ZodType; readonly description: string };
  readonly errors: readonly ErrorCode[];
}

/** Keeps the literal types, so that handlers and client calls are typed from the route. */
export function defineRoute<const R extends Route>(route: R): R {
  return route;
}
