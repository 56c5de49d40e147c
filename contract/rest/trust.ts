/** How a device comes to trust this server: where it is served encrypted, and whose certificate that shows. */
import { z } from 'zod';
import { defineRoute } from './route.ts';

/** The server's own authority, for devices to install. Its certificate is at `/ca.crt`, for Apple's devices at `/ca.mobileconfig`. */
export const LocalAuthority = z
  .strictObject({
    /** As lists of certificates show it. */
    name: z.string(),
    /** SHA-256 in pairs of hexadecimal digits with colons. */
    fingerprint: z.string().regex(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'LocalAuthority' });

export const Trust = z
  .strictObject({
    /** Where the asker finds this server encrypted, without a slash at its end; null while HTTPS is off. */
    secureUrl: z.url().nullable(),
    /** Null when browsers trust the certificate as it is, or when its authority is not this server's. */
    authority: LocalAuthority.nullable(),
  })
  .meta({ id: 'Trust' });
export type Trust = z.infer<typeof Trust>;

export const getTrust = defineRoute({
  id: 'getTrust',
  method: 'get',
  path: '/trust',
  summary: 'Where this server is encrypted, and the authority behind it',
  auth: 'none',
  success: { status: 200, body: Trust, description: 'What a device needs to trust this server.' },
  errors: [],
});
