/** The auth library set up on our tables: sessions, cookies and bearer tokens; guests now, passwords and mail later on the same users. */
import { SESSION_COOKIE } from '@millrace/contract/protocol';
import { betterAuth } from 'better-auth';
import { anonymous } from 'better-auth/plugins/anonymous';
import { bearer } from 'better-auth/plugins/bearer';
import type { Kysely } from 'kysely';
import type { Log } from '../lib/log.ts';
import type { Schema } from '../store/schema.ts';

export interface AuthDeps {
  readonly db: Kysely<Schema>;
  readonly secret: string;
  readonly log: Log;
  newId(): string;
}

/** 400 days, the longest that browsers keep a cookie: a guest has no other way back to its streams. */
const SESSION_SECONDS = 400 * 86_400;

/** A session in use is prolonged once a day. */
const PROLONG_SECONDS = 86_400;

/** Headers between `Accounts` and the library; the library is not reachable from outside. */
export const DEVICE_HEADERS = { id: 'x-device-id', name: 'x-device-name', platform: 'x-device-platform' } as const;

export const GUEST_NAME = 'Guest';

const TIMES = { createdAt: 'created_at', updatedAt: 'updated_at' } as const;

export function createAuth({ db, secret, log, newId }: AuthDeps) {
  return betterAuth({
    appName: 'Millrace',
    // Only the paths of links in mails come from it; the cookie's scheme is decided per request.
    baseURL: 'http://localhost',
    secret,
    database: { db, type: 'postgres' },
    user: { modelName: 'users', fields: { emailVerified: 'email_verified', ...TIMES } },
    session: {
      modelName: 'sessions',
      expiresIn: SESSION_SECONDS,
      updateAge: PROLONG_SECONDS,
      fields: { userId: 'user_id', expiresAt: 'expires_at', ipAddress: 'ip_address', userAgent: 'user_agent', ...TIMES },
      additionalFields: {
        deviceId: { type: 'string', required: false, input: false, fieldName: 'device_id' },
        devicePlatform: { type: 'string', required: false, input: false, fieldName: 'device_platform' },
      },
    },
    account: {
      modelName: 'accounts',
      fields: {
        userId: 'user_id',
        accountId: 'account_id',
        providerId: 'provider_id',
        accessToken: 'access_token',
        refreshToken: 'refresh_token',
        idToken: 'id_token',
        accessTokenExpiresAt: 'access_token_expires_at',
        refreshTokenExpiresAt: 'refresh_token_expires_at',
        ...TIMES,
      },
    },
    verification: { modelName: 'verifications', fields: { expiresAt: 'expires_at', ...TIMES } },
    databaseHooks: {
      session: {
        create: {
          async before(session, context) {
            const headers = context?.headers;
            return { data: { ...session, deviceId: read(headers, DEVICE_HEADERS.id), devicePlatform: read(headers, DEVICE_HEADERS.platform) } };
          },
        },
      },
    },
    advanced: {
      // The library calls with options of its own. Its tables are made by our migrations: comparing all of the database's with what it expects takes longer than all else at a start.
      database: { generateId: () => newId(), validateSchema: false },
      // Secure is added per request: the same server may be reached by both schemes.
      useSecureCookies: false,
      cookies: { session_token: { name: SESSION_COOKIE, attributes: { httpOnly: true, sameSite: 'lax', path: '/' } } },
      // Addresses of people are not kept.
      ipAddress: { disableIpTracking: true },
    },
    plugins: [
      anonymous({
        schema: { user: { fields: { isAnonymous: 'is_anonymous' } } },
        generateName: (context) => read(context.headers, DEVICE_HEADERS.name) || GUEST_NAME,
      }),
      bearer(),
    ],
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { log: (level, message) => log[level]({ from: 'auth' }, message) },
  });
}

export type Auth = ReturnType<typeof createAuth>;

function read(headers: Headers | undefined, name: string): string | null {
  const value = headers?.get(name);
  return value ? decodeURIComponent(value) : null;
}
