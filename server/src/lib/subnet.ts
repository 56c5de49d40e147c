/** Ranges of addresses in CIDR form. What is not exactly one is none: a filter must never be wider than its author thought. */
import { type IpBytes, parseIp, unmapIp } from '@millrace/media/stun/ip';

export interface Subnet {
  readonly ip: IpBytes;
  /** Length of the prefix. */
  readonly bits: number;
}

/** `10.0.0.0/8`, `2001:db8::/32`, or a single address. Undefined for anything else, bits behind the prefix included. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address = '', prefix, ...more] = text.split('/');
  const ip = parseIp(address);
  if (!ip || more.length > 0) return undefined;
  if (prefix === undefined) return { ip, bits: ip.length * 8 };
  if (!/^(0|[1-9]\d{0,2})$/.test(prefix)) return undefined;
  const bits = Number(prefix);
  if (bits > ip.length * 8) return undefined;
  return ip.every((byte, i) => (byte & ~maskOf(bits, i) & 0xff) === 0) ? { ip, bits } : undefined;
}

/** Whether the address lies in the subnet. An IPv4-mapped IPv6 address is the IPv4 address that it means. */
export function isInSubnet(address: IpBytes, { ip, bits }: Subnet): boolean {
  const plain = unmapIp(address);
  return plain.length === ip.length && plain.every((byte, i) => ((byte ^ (ip[i] ?? 0)) & maskOf(bits, i)) === 0);
}

/** The bits of byte `i` that belong to a prefix. */
function maskOf(bits: number, i: number): number {
  const own = Math.min(8, Math.max(0, bits - i * 8));
  return (0xff << (8 - own)) & 0xff;
}
