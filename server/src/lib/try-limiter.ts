/** Counts tries by address in memory, without a promise: it stands in front of handshakes. Bounded, on the injected clock. */
import type { Clock } from './clock.ts';

export interface TryLimit {
  /** So many tries are free within the window. */
  readonly tries: number;
  readonly windowMs: number;
  /** How long an address that used them up is shut out. */
  readonly blockMs: number;
}

interface Tries {
  count: number;
  until: number;
}

/** Addresses remembered at once; beyond it the oldest are forgotten. About 10 MB. */
const MAX_ADDRESSES = 100_000;

export class TryLimiter {
  readonly #limit: TryLimit;
  readonly #clock: Clock;
  readonly #tries = new Map<string, Tries>();

  constructor(limit: TryLimit, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Milliseconds until the address may try again; 0 now. */
  waitMs(address: string): number {
    const tries = this.#live(networkOf(address));
    return tries && tries.count >= this.#limit.tries ? tries.until - this.#clock.now() : 0;
  }

  /** Counts a try. The one that uses up the last free one begins the block. */
  count(address: string): void {
    const network = networkOf(address);
    const now = this.#clock.now();
    let tries = this.#live(network);
    if (!tries) {
      tries = { count: 0, until: now + this.#limit.windowMs };
      this.#forgetOldest();
      this.#tries.set(network, tries);
    }
    tries.count++;
    if (tries.count === this.#limit.tries) tries.until = now + this.#limit.blockMs;
  }

  #live(network: string): Tries | undefined {
    const tries = this.#tries.get(network);
    if (tries && tries.until > this.#clock.now()) return tries;
    this.#tries.delete(network);
    return undefined;
  }

  #forgetOldest(): void {
    if (this.#tries.size < MAX_ADDRESSES) return;
    const oldest = this.#tries.keys().next();
    if (!oldest.done) this.#tries.delete(oldest.value);
  }
}

/** A customer of an IPv6 provider has a whole /64: counting single addresses would count nothing. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!address.includes(':')) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return [...before, ...zeros, ...after]
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':');
}
