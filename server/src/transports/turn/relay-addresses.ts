/** Which address of this machine a relay is known by: the one its client reached, or the public one in front of it. */
import { isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type IpBytes, parseIp, unmapIp } from '@millrace/media/stun/ip';
import { isPublicIp } from '../../lib/public-address.ts';
import type { ClientLink } from './client-link.ts';
import { TurnError } from './turn-error.ts';
import { localAddressTowards } from './udp-socket.ts';

export class RelayAddresses {
  /** What relays are bound to, by family. */
  readonly hosts: { readonly 4: string | undefined; readonly 6: string | undefined };
  readonly #host: string;
  readonly #publicIps: readonly IpBytes[];

  constructor({ host, publicAddresses }: { readonly host: string; readonly publicAddresses: readonly string[] }) {
    this.#host = host;
    this.hosts = host === '::' ? { 4: '0.0.0.0', 6: '::' } : isIPv6(host) ? { 4: undefined, 6: host } : { 4: host, 6: undefined };
    this.#publicIps = publicAddresses.flatMap((address) => parseIp(address) ?? []);
  }

  /** Throws TurnError 440 when this machine has no address of the family. */
  async towards(link: ClientLink, family: 4 | 6): Promise<Uint8Array> {
    const own = await this.#ownAddress(link, family);
    const ip = own === undefined ? undefined : parseIp(own.split('%')[0] ?? '');
    if (!ip) throw new TurnError(440, 'unsupported');
    const plain = unmapIp(ip);
    // A client of the internet cannot reach a private address; one of the same network reaches it best.
    const publicIp = isPublicIp(link.remote.ip) && !isPublicIp(plain) ? this.#publicIps.find(({ length }) => length === plain.length) : undefined;
    return publicIp ?? plain;
  }

  async #ownAddress(link: ClientLink, family: 4 | 6): Promise<string | undefined> {
    if (isIP(this.#host) !== 0 && this.#host !== '0.0.0.0' && this.#host !== '::') return this.#host;
    const linkFamily = link.remote.ip.length === 4 ? 4 : 6;
    if (linkFamily === family) return link.localAddress ?? localAddressTowards(link.remoteAddress, family);
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    return addresses.find((entry) => entry.family === `IPv${family}` && !entry.internal && !entry.address.startsWith('fe80'))?.address;
  }
}
