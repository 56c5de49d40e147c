/** Identities: a guest now, an account later on the same user. */
import { z } from 'zod';
import { User } from '../entities/user.ts';
import { lineOfText } from '../text.ts';
import { defineRoute } from './route.ts';

export const GuestRequest = z.strictObject({
  /** The same device id gives the same guest again only with that guest's own token; it is a label, not a secret. */
  device: z
    .strictObject({
      id: lineOfText({ min: 8, max: 128 }),
      name: lineOfText({ max: 80 }),
      platform: lineOfText({ max: 80 }),
    })
    .optional(),
});

export const createGuest = defineRoute({
  id: 'createGuest',
  method: 'post',
  path: '/auth/guest',
  summary: 'Get an identity bound to this device, without a form',
  auth: 'none',
  body: GuestRequest,
  success: { status: 201, body: z.strictObject({ token: z.string(), user: User }), description: 'The guest and its bearer token; a session cookie is set as well.' },
  errors: ['invalid_request', 'body_too_large', 'unsupported_media_type', 'too_many_requests', 'guests_not_allowed'],
});

export const getMe = defineRoute({
  id: 'getMe',
  method: 'get',
  path: '/auth/me',
  summary: 'Who the token or cookie belongs to',
  auth: 'required',
  success: { status: 200, body: User, description: 'The identity.' },
  errors: ['not_authenticated'],
});
