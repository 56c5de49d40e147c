/** The calls for forwarding a stream's broadcasts to other services. */
import { z } from 'zod';
import { Target, TargetAddress, TargetKey, TargetName } from '../entities/target.ts';
import { Id } from '../ids.ts';
import { defineRoute } from './route.ts';

const TargetParams = z.strictObject({ id: Id, targetId: Id });

export const listTargets = defineRoute({
  id: 'listTargets',
  method: 'get',
  path: '/streams/{id}/targets',
  summary: 'The services a stream is forwarded to, oldest first, and how it goes',
  auth: 'required',
  params: z.strictObject({ id: Id }),
  success: { status: 200, body: z.strictObject({ items: z.array(Target) }), description: 'All of them, without their keys.' },
  errors: ['not_authenticated', 'stream_not_found'],
});

export const createTarget = defineRoute({
  id: 'createTarget',
  method: 'post',
  path: '/streams/{id}/targets',
  summary: 'Forward a stream to another service by RTMP, RTMPS or SRT; a running broadcast at once',
  auth: 'required',
  params: z.strictObject({ id: Id }),
  body: z.strictObject({ url: TargetAddress, key: TargetKey.optional(), name: TargetName.optional(), enabled: z.boolean().default(true) }),
  success: { status: 201, body: Target, description: 'The target. Its key is kept sealed and not shown again.' },
  errors: ['invalid_request', 'not_authenticated', 'stream_not_found', 'limit_reached', 'address_not_allowed', 'body_too_large', 'unsupported_media_type'],
});

export const updateTarget = defineRoute({
  id: 'updateTarget',
  method: 'patch',
  path: '/streams/{id}/targets/{targetId}',
  summary: 'Switch a target on or off, rename it, or replace its key',
  auth: 'required',
  params: TargetParams,
  body: z.strictObject({ name: TargetName, enabled: z.boolean(), key: TargetKey }).partial(),
  success: { status: 200, body: Target, description: 'The target as it is now.' },
  errors: ['invalid_request', 'not_authenticated', 'stream_not_found', 'target_not_found', 'body_too_large', 'unsupported_media_type'],
});

export const deleteTarget = defineRoute({
  id: 'deleteTarget',
  method: 'delete',
  path: '/streams/{id}/targets/{targetId}',
  summary: 'Forward to this service no more',
  auth: 'required',
  params: TargetParams,
  success: { status: 204, description: 'It is gone, and its key with it.' },
  errors: ['not_authenticated', 'stream_not_found', 'target_not_found'],
});
