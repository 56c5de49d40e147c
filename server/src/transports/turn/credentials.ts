/**
 * Credentials that a secret shared with the API vouches for, nothing stored: `username = expiry:user`, `password = base64(HMAC-SHA1(secret, username))`.
 * coturn knows the same as `use-auth-secret`.
 */
import { createHash, createHmac } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';

export interface TurnIdentity {
  readonly user: string;
  readonly expiresAtMs: number;
}

export interface TurnPassword {
  readonly username: string;
  readonly credential: string;
  readonly expiresAtMs: number;
}

const USERNAME = /^(\d{1,12}):(.{1,200})$/u;

/** Makes what a client shows. */
export function mintCredentials({
  secret,
  user,
  clock,
  lifetimeMs,
}: {
  readonly secret: string;
  readonly user: string;
  readonly clock: Clock;
  readonly lifetimeMs: number;
}): TurnPassword {
  const expirySeconds = Math.floor((clock.now() + lifetimeMs) / 1000);
  const username = `${expirySeconds}:${user}`;
  return { username, credential: passwordOf(secret, username), expiresAtMs: expirySeconds * 1000 };
}

/** What a username says; it is true only when the message's integrity is right. */
export function readUsername(username: string): TurnIdentity | undefined {
  const [, expiry, user] = USERNAME.exec(username) ?? [];
  return expiry === undefined || user === undefined ? undefined : { user, expiresAtMs: Number(expiry) * 1000 };
}

/** The key of MESSAGE-INTEGRITY for long-term credentials (RFC 8489 §9.2.2). */
export function integrityKeyOf({ secret, username, realm }: { readonly secret: string; readonly username: string; readonly realm: string }): Uint8Array {
  return createHash('md5')
    .update(`${username}:${realm}:${passwordOf(secret, username)}`)
    .digest();
}

function passwordOf(secret: string, username: string): string {
  return createHmac('sha1', secret).update(username).digest('base64');
}
