/** Who is asking: makes guests and tells from a cookie or a bearer token which user it belongs to. */
import type { User } from '@millrace/contract/entities/user';
import { SESSION_COOKIE } from '@millrace/contract/protocol';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import { Recent } from '../lib/recent.ts';
import { TryLimiter } from '../lib/try-limiter.ts';
import { type Auth, DEVICE_HEADERS } from './auth.ts';

export interface AccountsDeps {
  readonly auth: Auth;
  readonly clock: Clock;
  readonly guests: 'publish' | 'watch' | 'off';
}

/** What came with a request, unparsed. */
export interface SessionCredentials {
  readonly cookie: string | undefined;
  readonly authorization: string | undefined;
}

export interface GuestRequest {
  readonly credentials: SessionCredentials;
  readonly remoteAddress: string;
  readonly userAgent: string | undefined;
  readonly device: { readonly id: string; readonly name: string; readonly platform: string } | undefined;
}

export interface GuestSession {
  readonly token: string;
  readonly user: User;
  /** The value of Set-Cookie without `Secure`; undefined when the asker has its cookie already. */
  readonly cookie: string | undefined;
}

/** A school behind one address may all arrive in a minute; a script may not fill the database. */
const GUESTS_PER_ADDRESS = { tries: 60, windowMs: 60_000, blockMs: 60_000 } as const;

/** A segment or a socket must not cost a query each; a session that is revoked ends within this time. */
const KNOWN_SESSIONS = { maxEntries: 10_000, maxAgeMs: 30_000 } as const;

/** Longer than any token or cookie of ours: nothing larger is looked up or remembered. */
const MAX_CREDENTIAL_LENGTH = 512;

export class Accounts {
  readonly #deps: AccountsDeps;
  readonly #guestLimiter: TryLimiter;
  readonly #known: Recent<{ readonly user: User | undefined }>;

  constructor(deps: AccountsDeps) {
    this.#deps = deps;
    this.#guestLimiter = new TryLimiter(GUESTS_PER_ADDRESS, deps.clock);
    this.#known = new Recent(KNOWN_SESSIONS, deps.clock);
  }

  /** Whether this user may own streams and publish them. */
  mayPublish(user: Pick<User, 'kind'>): boolean {
    return user.kind === 'account' || this.#deps.guests === 'publish';
  }

  /** A new guest, or the one that the asker already is. */
  async createGuest(request: GuestRequest): Promise<GuestSession> {
    if (this.#deps.guests === 'off') throw new AppError('guests_not_allowed');
    const current = await this.#currentSession(request.credentials);
    if (current) return current;
    const waitMs = this.#guestLimiter.waitMs(request.remoteAddress);
    if (waitMs > 0) throw new AppError('too_many_requests', { retryAfterSeconds: Math.ceil(waitMs / 1000) });
    this.#guestLimiter.count(request.remoteAddress);

    const headers = new Headers();
    if (request.userAgent !== undefined) headers.set('user-agent', request.userAgent.slice(0, MAX_CREDENTIAL_LENGTH));
    if (request.device) {
      headers.set(DEVICE_HEADERS.id, encodeURIComponent(request.device.id));
      headers.set(DEVICE_HEADERS.name, encodeURIComponent(request.device.name));
      headers.set(DEVICE_HEADERS.platform, encodeURIComponent(request.device.platform));
    }
    const made = await this.#deps.auth.api.signInAnonymous({ headers, returnHeaders: true });
    const { token, user } = made.response;
    const cookie = made.headers.getSetCookie().find((value) => value.startsWith(`${SESSION_COOKIE}=`));
    return { token, user: { id: user.id, kind: 'guest', name: user.name, createdAt: user.createdAt.toISOString() }, cookie };
  }

  /** The user of a cookie or bearer token. Without a promise when it was asked lately. */
  identify(credentials: SessionCredentials): User | undefined | Promise<User | undefined> {
    const key = credentialOf(credentials);
    if (key === undefined) return undefined;
    const known = this.#known.get(key);
    return known ? known.user : this.#look(key, credentials);
  }

  async #look(key: string, credentials: SessionCredentials): Promise<User | undefined> {
    const { user } = await this.#known.load(key, async () => ({ user: (await this.#session(credentials))?.user }));
    return user;
  }

  async #currentSession(credentials: SessionCredentials): Promise<GuestSession | undefined> {
    if (credentialOf(credentials) === undefined) return undefined;
    const session = await this.#session(credentials);
    return session && { ...session, cookie: undefined };
  }

  async #session({ cookie, authorization }: SessionCredentials): Promise<{ token: string; user: User } | undefined> {
    const headers = new Headers();
    // The token is what a program sets on purpose: it wins over a cookie that a browser adds by itself.
    if (authorization !== undefined) headers.set('authorization', authorization);
    else if (cookie !== undefined) headers.set('cookie', cookie);
    const found = await this.#deps.auth.api.getSession({ headers });
    if (!found) return undefined;
    const { user, session } = found;
    return { token: session.token, user: { id: user.id, kind: user.isAnonymous ? 'guest' : 'account', name: user.name, createdAt: user.createdAt.toISOString() } };
  }
}

/** The part of the credentials that names a session; undefined: there is none. */
function credentialOf({ cookie, authorization }: SessionCredentials): string | undefined {
  if (authorization !== undefined) return /^bearer \S+$/i.test(authorization) && authorization.length <= MAX_CREDENTIAL_LENGTH ? authorization : undefined;
  const value = cookie === undefined ? undefined : new RegExp(`(?:^|;\\s*)${SESSION_COOKIE}=([^;]+)`).exec(cookie)?.[1];
  return value !== undefined && value.length <= MAX_CREDENTIAL_LENGTH ? value : undefined;
}
