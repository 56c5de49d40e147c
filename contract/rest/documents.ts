/** The contract itself, served by every server: what it can do and what can go wrong. */
import { z } from 'zod';
import { ERROR_CODES } from '../errors.ts';
import { defineRoute } from './route.ts';

export const ErrorDescription = z
  .strictObject({
    code: z.enum(ERROR_CODES),
    /** HTTP status; a socket closes with 4000 + status. */
    status: z.int(),
    title: z.string(),
    /** Whether the same request may succeed later. */
    retry: z.enum(['never', 'later', 'after-fixing']),
    remedy: z.string(),
  })
  .meta({ id: 'ErrorDescription' });
export type ErrorDescription = z.infer<typeof ErrorDescription>;

const JsonDocument = z.record(z.string(), z.unknown());

export const getOpenApi = defineRoute({
  id: 'getOpenApi',
  method: 'get',
  path: '/openapi.json',
  summary: 'This interface as OpenAPI',
  auth: 'none',
  success: { status: 200, body: JsonDocument, description: 'An OpenAPI 3.1 document.' },
  errors: [],
});

export const getAsyncApi = defineRoute({
  id: 'getAsyncApi',
  method: 'get',
  path: '/asyncapi.json',
  summary: 'The sockets as AsyncAPI',
  auth: 'none',
  success: { status: 200, body: JsonDocument, description: 'An AsyncAPI 3.0 document.' },
  errors: [],
});

export const listErrors = defineRoute({
  id: 'listErrors',
  method: 'get',
  path: '/errors',
  summary: 'Every error there is',
  auth: 'none',
  success: { status: 200, body: z.strictObject({ items: z.array(ErrorDescription) }), description: 'The registry of errors.' },
  errors: [],
});

export const getError = defineRoute({
  id: 'getError',
  method: 'get',
  path: '/errors/{code}',
  summary: 'One error, where the `type` of a problem points',
  auth: 'none',
  params: z.strictObject({ code: z.enum(ERROR_CODES) }),
  success: { status: 200, body: ErrorDescription, description: 'The error.' },
  errors: ['not_found'],
});
