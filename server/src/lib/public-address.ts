/** Which addresses are of the open internet, and the way to connect to nothing else: for hosts that users name and the server calls. */
import { lookup as systemLookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { formatIp, type IpBytes, parseIp, unmapIp } from '@millrace/media/stun/ip';
import { AppError } from './app-error.ts';
import { isInSubnet, parseSubnet, type Subnet } from './subnet.ts';

/** Not addresses of one machine: never connected to, whatever is allowed. */
const NOT_ONE_MACHINE = subnets('0.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4', '::/128', 'ff00::/8');

/** IANA's special-purpose registry for IPv4: private, shared, loopback, link-local, protocol, documentation, benchmarking, 6to4. */
const SPECIAL_IPV4 = subnets(
  ...['10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24'],
  ...['192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
);

/** All that is routed in IPv6; loopback, link-local, unique local, translated (NAT64) and mapped addresses lie outside. */
const GLOBAL_IPV6 = subnets('2000::/3');

/** Inside of it: protocol assignments (Teredo among them), documentation, and 6to4, which hides an IPv4 address. */
const SPECIAL_IPV6 = subnets('2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20');

/** An address that may be connected to. */
export interface ResolvedAddress {
  /** Without brackets or zone. */
  readonly address: string;
  readonly family: 4 | 6;
}

export interface PublicAddressesDeps {
  /** Whether private networks and this machine may be reached as well (the setting ALLOW_PRIVATE_ADDRESSES). */
  readonly allowPrivate: boolean;
  /** This machine's addresses, as `formatIp` writes them: a public one would lead around its firewall. */
  isOwnAddress(address: string): boolean;
  /** Every address of a name; the system's resolver unless given. */
  readonly resolve?: (hostname: string) => Promise<readonly { readonly address: string }[]>;
}

export class PublicAddresses {
  readonly #deps: PublicAddressesDeps;

  constructor(deps: PublicAddressesDeps) {
    this.#deps = deps;
  }

  /**
   * The addresses of a host that may be connected to, at least one. Connect to these and not to the name: a second look-up may answer otherwise.
   * Rejects with AppError `address_not_allowed` when there is none among them, with the resolver's own error when the name is unknown.
   * @param hostname a name, an address, or an IPv6 address in brackets as URLs have it.
   */
  async resolvePublic(hostname: string, signal?: AbortSignal): Promise<readonly [ResolvedAddress, ...ResolvedAddress[]]> {
    signal?.throwIfAborted();
    const bare = hostname.replace(/^\[(.*)\]$/, '$1');
    const literal = parseIp(bare);
    const found = literal ? [{ address: formatIp(literal) }] : await unlessAborted((this.#deps.resolve ?? resolveBySystem)(bare), signal);
    const [first, ...others] = found.flatMap(({ address }) => this.#permitted(address));
    if (!first) throw new AppError('address_not_allowed', { detail: `${hostname} is not on the open internet, and this server calls nothing else.` });
    return [first, ...others];
  }

  /**
   * For the option `lookup` of sockets and HTTP requests: names resolve to permitted addresses alone, at the moment of connecting. Sockets do not call
   * it for a host that is an address already: ask `resolvePublic` about the host first.
   */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.resolvePublic(hostname).then(
      (addresses) => {
        const family = options.family === 4 || options.family === 'IPv4' ? 4 : options.family === 6 || options.family === 'IPv6' ? 6 : undefined;
        const fitting = addresses.filter((address) => family === undefined || address.family === family);
        const [first] = fitting;
        if (!first) callback(new AppError('address_not_allowed', { detail: `${hostname} has no address of IPv${family} on the open internet.` }), '');
        else if (options.all === true)
          callback(
            null,
            fitting.map(({ address, family }) => ({ address, family })),
          );
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, options.all === true ? [] : ''),
    );
  };

  #permitted(text: string): ResolvedAddress[] {
    const { allowPrivate } = this.#deps;
    // A zone belongs to a link-local address: of no use without it, and private.
    const ip = parseIp(text);
    if (!ip) return [];
    const plain = unmapIp(ip);
    const address = formatIp(plain);
    const isPermitted = allowPrivate ? !isIn(plain, NOT_ONE_MACHINE) : isPublicIp(plain) && !this.#deps.isOwnAddress(address);
    return isPermitted ? [{ address, family: plain.length === 4 ? 4 : 6 }] : [];
  }
}

/** Whether an address is of the open internet. */
export function isPublicIp(ip: IpBytes): boolean {
  const plain = unmapIp(ip);
  if (isIn(plain, NOT_ONE_MACHINE)) return false;
  return plain.length === 4 ? !isIn(plain, SPECIAL_IPV4) : isIn(plain, GLOBAL_IPV6) && !isIn(plain, SPECIAL_IPV6);
}

/** Whether an address can be that of one machine: not unspecified, multicast, broadcast or reserved. */
export function isOneMachine(ip: IpBytes): boolean {
  return !isIn(ip, NOT_ONE_MACHINE);
}

function isIn(ip: IpBytes, list: readonly Subnet[]): boolean {
  return list.some((subnet) => isInSubnet(ip, subnet));
}

function subnets(...texts: readonly string[]): Subnet[] {
  return texts.map((text) => {
    const subnet = parseSubnet(text);
    if (!subnet) throw new Error(`${text} is no subnet`);
    return subnet;
  });
}

function resolveBySystem(hostname: string): Promise<readonly { readonly address: string }[]> {
  return systemLookup(hostname, { all: true });
}

/** The system's resolver cannot be called off: its answer is no longer waited for. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
