/** Short-lived signed permissions to watch one private stream: `expiry.signature`, checked without a query. */
import { createHmac, timingSafeEqual } from 'node:crypto';

export class PlaybackTokens {
  readonly #secret: string;

  constructor(secret: string) {
    this.#secret = secret;
  }

  mint(streamId: string, expiresAt: Date): string {
    const expiry = Math.floor(expiresAt.getTime() / 1000).toString(36);
    return `${expiry}.${this.#sign(streamId, expiry).toString('base64url')}`;
  }

  isValid(token: string, streamId: string, now: number): boolean {
    const match = /^([0-9a-z]{1,10})\.([A-Za-z0-9_-]{43})$/.exec(token);
    if (!match) return false;
    const [, expiry = '', signature = ''] = match;
    return timingSafeEqual(Buffer.from(signature, 'base64url'), this.#sign(streamId, expiry)) && Number.parseInt(expiry, 36) * 1000 > now;
  }

  #sign(streamId: string, expiry: string): Buffer {
    return createHmac('sha256', this.#secret).update(`playback/1/${streamId}/${expiry}`).digest();
  }
}
