/** What viewers call: the code lookup and the list of what is live. */
import { z } from 'zod';
import { PublicStream } from '../entities/stream.ts';
import { Code } from '../ids.ts';
import { PageQuery, pageOf } from './page.ts';
import { defineRoute } from './route.ts';

export const getCode = defineRoute({
  id: 'getCode',
  method: 'get',
  path: '/codes/{code}',
  summary: 'The public view of the stream with this code',
  auth: 'optional',
  params: z.strictObject({ code: Code }),
  query: z.strictObject({ token: z.string().max(512).optional() }),
  success: { status: 200, body: PublicStream, description: 'The stream as a viewer may see it.' },
  errors: ['invalid_request', 'code_not_found', 'too_many_requests'],
});

export const listLive = defineRoute({
  id: 'listLive',
  method: 'get',
  path: '/live',
  summary: 'Public broadcasts now, most watched first',
  auth: 'none',
  query: PageQuery,
  success: { status: 200, body: pageOf(PublicStream), description: 'A page of what is live.' },
  errors: ['invalid_request'],
});
