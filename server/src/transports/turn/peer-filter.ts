/** Which addresses the relay may reach: the open internet and what the operator lists. Everything else would be a tunnel into private networks. */
import { formatIp, type IpBytes, unmapIp } from '@millrace/media/stun/ip';
import { isInSubnet, parseSubnet, type Subnet } from '../../lib/subnet.ts';

/** Not addresses of one machine: never relayed to, whoever lists them. */
const NEVER = subnets('0.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4', '::/128', 'ff00::/8');

/** IANA's special-purpose registry for IPv4: private, shared, loopback, link-local, protocol, documentation, benchmarking, 6to4. */
const SPECIAL_IPV4 = subnets(
  ...['10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24'],
  ...['192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
);

/** All that is routed in IPv6; loopback, link-local, unique local, translated and mapped addresses lie outside. */
const GLOBAL_IPV6 = subnets('2000::/3');

/** Inside of it: protocol assignments (Teredo among them), documentation, and 6to4, which hides an IPv4 address. */
const SPECIAL_IPV6 = subnets('2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20');

export class PeerFilter {
  readonly #allowed: readonly Subnet[];
  readonly #isOwnAddress: (address: string) => boolean;

  constructor(deps: {
    /** The operator's own subnets. */
    readonly allowed: readonly Subnet[];
    /** This machine's: what its firewall keeps from strangers the relay must not open. */
    isOwnAddress(address: string): boolean;
  }) {
    this.#allowed = deps.allowed;
    this.#isOwnAddress = (address) => deps.isOwnAddress(address);
  }

  mayReach(ip: IpBytes): boolean {
    if (isIn(ip, NEVER)) return false;
    return isIn(ip, this.#allowed) || (isPublicIp(ip) && !this.#isOwnAddress(formatIp(unmapIp(ip))));
  }
}

/** Whether an address is of the open internet. */
export function isPublicIp(ip: IpBytes): boolean {
  const plain = unmapIp(ip);
  if (isIn(plain, NEVER)) return false;
  return plain.length === 4 ? !isIn(plain, SPECIAL_IPV4) : isIn(plain, GLOBAL_IPV6) && !isIn(plain, SPECIAL_IPV6);
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
