/** Whether an address is one of this machine's own, as its interfaces are now. */
import { networkInterfaces } from 'node:os';
import { formatIp, parseIp, unmapIp } from '@millrace/media/stun/ip';
import type { Clock } from '../../lib/clock.ts';

/** A new address is known after this time; asking the system for each packet would cost more than the packet. */
const FRESH_MS = 10_000;

export interface OwnAddressesDeps {
  readonly clock: Clock;
  /** Those in front of a router, which no interface has. */
  readonly publicAddresses: readonly string[];
  /** The addresses of the interfaces; the system's unless given. */
  readonly interfaceAddresses?: () => readonly string[];
}

export class OwnAddresses {
  readonly #deps: OwnAddressesDeps;
  #known: ReadonlySet<string> = new Set();
  #freshUntil = Number.NEGATIVE_INFINITY;

  constructor(deps: OwnAddressesDeps) {
    this.#deps = deps;
  }

  /** @param address as `formatIp` writes it. The whole of 127.0.0.0/8 is this machine's. */
  has(address: string): boolean {
    const { clock, publicAddresses, interfaceAddresses = systemAddresses } = this.#deps;
    if (address.startsWith('127.') || address === '::1') return true;
    const now = clock.monotonic();
    if (now >= this.#freshUntil) {
      this.#freshUntil = now + FRESH_MS;
      this.#known = new Set([...interfaceAddresses(), ...publicAddresses].flatMap(canonical));
    }
    return this.#known.has(address);
  }
}

function systemAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((entries) => (entries ?? []).map(({ address }) => address));
}

function canonical(text: string): string[] {
  const ip = parseIp(text.split('%')[0] ?? '');
  return ip ? [formatIp(unmapIp(ip))] : [];
}
