/** Who sends a request: RFC 8489 §9.2 with the credentials that the API hands out. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Attribute, readText, type StunAttribute, textAttribute } from '@millrace/media/stun/attribute';
import { attributeOf, type HmacSha1, integrityOf, type StunMessage } from '@millrace/media/stun/message';
import type { Allocation } from './allocation.ts';
import type { ClientLink } from './client-link.ts';
import { integrityKeyOf, readUsername, type TurnIdentity } from './credentials.ts';
import type { Nonces } from './nonces.ts';
import { TurnError } from './turn-error.ts';

/** Short: strangers are told it in every challenge. */
export const REALM = 'millrace';

/** RFC 8489 §14.3. */
const MAX_USERNAME_BYTES = 508;
const MAX_NONCE_BYTES = 763;

export const hmacSha1: HmacSha1 = (key, data) => createHmac('sha1', key).update(data).digest();

export interface Authenticated extends TurnIdentity {
  readonly username: string;
  /** Of MESSAGE-INTEGRITY, for the answer. */
  readonly key: Uint8Array;
}

export class Authentication {
  readonly #secret: string;
  readonly #nonces: Nonces;

  constructor(deps: { readonly secret: string; readonly nonces: Nonces }) {
    this.#secret = deps.secret;
    this.#nonces = deps.nonces;
  }

  /** What lets a client try again. */
  challenge(link: ClientLink): StunAttribute[] {
    return [textAttribute(Attribute.realm, REALM), textAttribute(Attribute.nonce, this.#nonces.issue(clientOf(link)))];
  }

  /** Undefined when the request brings no credentials at all, which is how every client begins. Throws TurnError. */
  identify(message: StunMessage, link: ClientLink, allocation: Allocation | undefined): Authenticated | undefined {
    if (message.integrityAt === undefined) return undefined;
    const [username, realm, nonce] = [
      textOf(message, Attribute.username, MAX_USERNAME_BYTES),
      textOf(message, Attribute.realm, MAX_NONCE_BYTES),
      textOf(message, Attribute.nonce, MAX_NONCE_BYTES),
    ];
    if (username === undefined || realm === undefined || nonce === undefined) throw new TurnError(400, 'bad_request');
    if (!this.#nonces.isValid(nonce, clientOf(link))) throw new TurnError(438, 'stale_nonce', this.challenge(link));
    const identity = readUsername(username);
    if (!identity || realm !== REALM) throw new TurnError(401, 'unauthorized', this.challenge(link));
    const known = allocation?.options.username === username ? allocation.options.key : undefined;
    const key = known ?? integrityKeyOf({ secret: this.#secret, username, realm });
    const mac = integrityOf(message, key, hmacSha1);
    if (!mac || !timingSafeEqual(mac.given, mac.right)) throw new TurnError(401, 'unauthorized', this.challenge(link));
    return { ...identity, username, key };
  }
}

function textOf(message: StunMessage, type: number, maxBytes: number): string | undefined {
  const value = attributeOf(message, type);
  return value && readText(value, maxBytes);
}

/** A nonce is good for one client, wherever else it is overheard. */
function clientOf(link: ClientLink): string {
  return `${link.transport}|${link.key}`;
}
