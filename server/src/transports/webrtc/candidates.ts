/** Where a peer may reach this server, as ICE candidates: configured addresses first, then those of the machine. */
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

/** RFC 8445 §5.1.2.1: host candidates, type preference 126, over the one component there is. */
const HOST_TYPE_PREFERENCE = 126;

/** A machine with more addresses than this has virtual ones; each costs every peer a check. */
const MAX_CANDIDATES = 12;

export interface CandidateOptions {
  readonly host: string;
  readonly addresses: readonly string[];
  readonly port: number;
  /** What listens on the port has no IPv6. */
  readonly ipv4Only?: boolean;
}

/** Values of `a=candidate`, best first. */
export function hostCandidates({ host, addresses, port, ipv4Only = false }: CandidateOptions): readonly string[] {
  const own = host === '0.0.0.0' || host === '::' ? interfaceAddresses() : [host];
  const reachable = [...new Set([...addresses, ...own])].filter((address) => !ipv4Only || !isIPv6(address));
  return reachable.slice(0, MAX_CANDIDATES).map((address, i) => {
    const priority = HOST_TYPE_PREFERENCE * 2 ** 24 + (65_535 - i) * 2 ** 8 + 255;
    return `${i + 1} 1 udp ${priority} ${address} ${port} typ host`;
  });
}

/** Of interfaces that others can reach; the loopback only where there is nothing else. */
function interfaceAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const reachable = all.filter(({ internal, address }) => !internal && !isLinkLocal(address)).map(({ address }) => address);
  if (reachable.length === 0) return ['127.0.0.1'];
  return [...reachable.filter((address) => !isIPv6(address)), ...reachable.filter(isIPv6)];
}

/** Such an address means nothing without the name of an interface. */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address) || address.startsWith('169.254.');
}
