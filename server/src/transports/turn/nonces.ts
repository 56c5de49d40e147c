/** Nonces that prove a client receives at its address, nothing stored: an expiry, signed together with the client's transport address. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';

/** Long enough that a client meets 438 seldom, short enough that an overheard one is soon useless. */
export const NONCE_LIFETIME_MS = 10 * 60_000;

/** Seconds in base 36 fit until the year 4453. */
const EXPIRY_LENGTH = 7;

/** 78 bits; and short, because it goes to strangers. */
const SIGNATURE_LENGTH = 13;

export class Nonces {
  readonly #secret: Uint8Array;
  readonly #clock: Clock;

  constructor(secret: Uint8Array, clock: Clock) {
    this.#secret = secret;
    this.#clock = clock;
  }

  /** @param client names the client's end of its connection */
  issue(client: string): string {
    const expiry = Math.ceil((this.#clock.now() + NONCE_LIFETIME_MS) / 1000)
      .toString(36)
      .padStart(EXPIRY_LENGTH, '0');
    return expiry + this.#sign(expiry, client);
  }

  isValid(nonce: string, client: string): boolean {
    if (!/^[\w-]{20}$/.test(nonce)) return false;
    const expiry = nonce.slice(0, EXPIRY_LENGTH);
    const right = Buffer.from(this.#sign(expiry, client));
    return timingSafeEqual(Buffer.from(nonce.slice(EXPIRY_LENGTH)), right) && Number.parseInt(expiry, 36) * 1000 > this.#clock.now();
  }

  #sign(expiry: string, client: string): string {
    return createHmac('sha256', this.#secret).update(`${expiry}|${client}`).digest('base64url').slice(0, SIGNATURE_LENGTH);
  }
}
