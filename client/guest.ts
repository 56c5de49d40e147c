/** The identity of this device: a guest made when first needed and kept, so that what it creates stays its own. */
import type { User } from '@millrace/contract/entities/user';
import { ApiError } from './api-error.ts';
import { MillraceClient } from './rest.ts';

/** Where the token rests between visits; localStorage fits. */
export interface TokenStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface GuestDeps {
  readonly baseUrl: string;
  readonly fetch: typeof fetch;
  readonly storage: TokenStorage;
  /** Names this device to its owner, e.g. "Chrome on Android". */
  readonly device: { readonly name: string; readonly platform: string };
  randomId(): string;
}

const TOKEN_KEY = 'millrace.token';
const DEVICE_KEY = 'millrace.device';

export class Guest {
  readonly #deps: GuestDeps;
  #pending: Promise<string> | undefined;

  constructor(deps: GuestDeps) {
    this.#deps = deps;
  }

  /** The kept token, without asking the server. */
  get token(): string | undefined {
    return this.#deps.storage.getItem(TOKEN_KEY) ?? undefined;
  }

  /** This device's label; made on first use. Also tells a viewer's tabs apart from other people's. */
  get deviceId(): string {
    const kept = this.#deps.storage.getItem(DEVICE_KEY);
    if (kept) return kept;
    const made = this.#deps.randomId();
    this.#deps.storage.setItem(DEVICE_KEY, made);
    return made;
  }

  /** A token that works: the kept one, else a new guest's. Calls at the same time share one request. */
  ensure(): Promise<string> {
    const kept = this.token;
    if (kept) return Promise.resolve(kept);
    this.#pending ??= this.#create().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  /**
   * Runs a call that needs an identity. When the server no longer knows the kept token, a new guest takes its place and the
   * call runs once more.
   */
  async as<Result>(call: () => Promise<Result>): Promise<Result> {
    await this.ensure();
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'not_authenticated') throw error;
      this.forget();
      await this.ensure();
      return call();
    }
  }

  forget(): void {
    this.#deps.storage.removeItem(TOKEN_KEY);
  }

  async #create(): Promise<string> {
    const { baseUrl, fetch, device } = this.#deps;
    const client = new MillraceClient({ baseUrl, fetch, getToken: () => undefined });
    const answer: { token: string; user: User } = await client.calls.createGuest({ body: { device: { id: this.deviceId, ...device } } });
    this.#deps.storage.setItem(TOKEN_KEY, answer.token);
    return answer.token;
  }
}
