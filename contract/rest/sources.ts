/** The calls for a stream that is fetched from elsewhere. */
import { z } from 'zod';
import { Source, SourceSettings } from '../entities/source.ts';
import { Id } from '../ids.ts';
import { defineRoute } from './route.ts';

const params = z.strictObject({ id: Id });

export const getSource = defineRoute({
  id: 'getSource',
  method: 'get',
  path: '/streams/{id}/source',
  summary: 'Where a stream is fetched from, and how it goes',
  auth: 'required',
  params,
  success: { status: 200, body: z.strictObject({ source: Source.nullable() }), description: 'The source, without its secrets; null for a stream that waits for publishers.' },
  errors: ['not_authenticated', 'stream_not_found'],
});

export const setSource = defineRoute({
  id: 'setSource',
  method: 'patch',
  path: '/streams/{id}/source',
  summary: 'Fetch a stream from an address, always or while somebody watches; what is left out stays as it is, and is `always` and switched on at first',
  auth: 'required',
  params,
  body: SourceSettings.partial(),
  success: { status: 200, body: z.strictObject({ source: Source }), description: 'The source as it is now.' },
  errors: ['invalid_request', 'not_authenticated', 'guests_not_allowed', 'stream_not_found', 'limit_reached', 'address_not_allowed', 'body_too_large', 'unsupported_media_type'],
});

export const deleteSource = defineRoute({
  id: 'deleteSource',
  method: 'delete',
  path: '/streams/{id}/source',
  summary: 'Wait for publishers again',
  auth: 'required',
  params,
  success: { status: 204, description: 'Nothing is fetched any more.' },
  errors: ['not_authenticated', 'stream_not_found'],
});
