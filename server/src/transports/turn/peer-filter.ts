/** Which addresses the relay may reach: the open internet and what the operator lists. Everything else would be a tunnel into private networks. */
import { formatIp, type IpBytes, unmapIp } from '@millrace/media/stun/ip';
import { isOneMachine, isPublicIp } from '../../lib/public-address.ts';
import { isInSubnet, type Subnet } from '../../lib/subnet.ts';

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
    if (!isOneMachine(ip)) return false;
    return isIn(ip, this.#allowed) || (isPublicIp(ip) && !this.#isOwnAddress(formatIp(unmapIp(ip))));
  }
}

function isIn(ip: IpBytes, list: readonly Subnet[]): boolean {
  return list.some((subnet) => isInSubnet(ip, subnet));
}
