/** Seals short secrets for the database (AES-256-GCM), so that a copy of it alone tells none of them. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** The form; another one would get another name, so that old texts stay readable. */
const PREFIX = 'sealed1.';

/** NIST SP 800-38D §8.2.2: 96 random bits are enough for 2^32 texts of one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The text is damaged, was sealed for something else, or with another server's secret. */
export class SealError extends Error {
  constructor(cause?: unknown) {
    super('A sealed text cannot be opened: it is damaged, or was sealed with the secrets of another server.', { cause });
    this.name = 'SealError';
  }
}

export class Sealer {
  readonly #key: Uint8Array;

  /** @param secret the server's own, `secrets.sealing`. */
  constructor(secret: string) {
    this.#key = new Uint8Array(hkdfSync('sha256', secret, '', 'millrace sealed texts', 32));
  }

  /** @param purpose what it belongs to, like `webhook <id>`: opens only with the same, so that rows cannot be swapped. */
  seal(text: string, purpose: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(purpose));
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return PREFIX + sealed.toString('base64url');
  }

  /** Throws SealError. */
  open(sealed: string, purpose: string): string {
    const bytes = Buffer.from(sealed.slice(PREFIX.length), 'base64url');
    if (!sealed.startsWith(PREFIX) || bytes.length < NONCE_BYTES + TAG_BYTES) throw new SealError();
    const end = bytes.length - TAG_BYTES;
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(end));
      return decipher.update(bytes.subarray(NONCE_BYTES, end), undefined, 'utf8') + decipher.final('utf8');
    } catch (error) {
      throw new SealError(error);
    }
  }
}
