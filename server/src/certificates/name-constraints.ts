/** What the local authority may vouch for: this machine and private networks, so that its key is worthless for any other site. RFC 5280 §4.2.1.10. */
import { BlockList, isIPv4 } from 'node:net';
import { z } from 'zod';
import type { MachineNames } from '../lib/machine.ts';

const Subnet = z.object({ address: z.union([z.ipv4(), z.ipv6()]), prefix: z.int().min(0).max(128) });
type Subnet = z.infer<typeof Subnet>;

export const NameConstraints = z.object({
  /** Each permits itself and what ends with a dot and it. */
  dns: z.array(z.string()),
  subnets: z.array(Subnet),
});
export type NameConstraints = z.infer<typeof NameConstraints>;

export const NAME_CONSTRAINTS_OID = '2.5.29.30';

/** Addresses that mean something else in every network, so that nobody can be taken in with them from afar. */
const PRIVATE_SUBNETS: readonly Subnet[] = [
  { address: '127.0.0.0', prefix: 8 },
  { address: '10.0.0.0', prefix: 8 },
  { address: '172.16.0.0', prefix: 12 },
  { address: '192.168.0.0', prefix: 16 },
  { address: '169.254.0.0', prefix: 16 },
  // RFC 6598: providers, and overlay networks between one's own machines.
  { address: '100.64.0.0', prefix: 10 },
  { address: '::1', prefix: 128 },
  { address: 'fc00::', prefix: 7 },
  { address: 'fe80::', prefix: 10 },
];

/** A household's own IPv6 network; addresses within it change daily. */
const GLOBAL_IPV6_PREFIX = 64;

/** For an authority made on a machine with these names. */
export function constraintsFor({ dns, ips }: MachineNames): NameConstraints {
  const base: NameConstraints = { dns: ['localhost', 'local'], subnets: [...PRIVATE_SUBNETS] };
  const foreign = coveredBy(base, { dns, ips }).left;
  return {
    dns: [...base.dns, ...foreign.dns],
    subnets: [...base.subnets, ...foreign.ips.map((address) => ({ address, prefix: isIPv4(address) ? 32 : GLOBAL_IPV6_PREFIX }))],
  };
}

/** Sorts names into those an authority with these constraints may vouch for and the others. */
export function coveredBy(constraints: NameConstraints, { dns, ips }: MachineNames): { readonly covered: MachineNames; readonly left: MachineNames } {
  const list = new BlockList();
  for (const { address, prefix } of constraints.subnets) list.addSubnet(address, prefix, isIPv4(address) ? 'ipv4' : 'ipv6');
  const dnsCovered = (name: string): boolean => constraints.dns.some((base) => name === base || name.endsWith(`.${base}`));
  const ipCovered = (ip: string): boolean => list.check(ip, isIPv4(ip) ? 'ipv4' : 'ipv6');
  return {
    covered: { dns: dns.filter(dnsCovered), ips: ips.filter(ipCovered) },
    left: { dns: dns.filter((name) => !dnsCovered(name)), ips: ips.filter((ip) => !ipCovered(ip)) },
  };
}

/** GeneralName and the outer field: context-specific. */
const DNS_TAG = 0x82;
const IP_TAG = 0x87;
const PERMITTED_TAG = 0xa0;
const SEQUENCE_TAG = 0x30;

/** The extension's value: permitted subtrees alone. */
export function encodeConstraints({ dns, subnets }: NameConstraints): Buffer {
  const names = dns.map((name) => der(SEQUENCE_TAG, der(DNS_TAG, Buffer.from(name, 'ascii'))));
  const ranges = subnets.map(({ address, prefix }) => {
    const bytes = addressBytes(address);
    const mask = maskBytes(bytes.length, prefix);
    return der(SEQUENCE_TAG, der(IP_TAG, Buffer.concat([bytes.map((byte, i) => byte & (mask[i] ?? 0)), mask])));
  });
  return der(SEQUENCE_TAG, der(PERMITTED_TAG, Buffer.concat([...names, ...ranges])));
}

function der(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const head = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

function maskBytes(size: number, prefix: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (0xff00 >> Math.min(8, Math.max(0, prefix - i * 8))) & 0xff);
}

/** Four or sixteen bytes of an address in text. */
export function addressBytes(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number);
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return Uint8Array.from(
    [...before, ...zeros, ...after].flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}
