/** What this machine is called on its network: the names and addresses that certificates are for and that people type. */
import { createSocket } from 'node:dgram';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';

export interface MachineAddress {
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  /** Of the interface, like `wlan0`. */
  readonly interfaceName: string;
}

export interface Machine {
  /** As the system says it; may be one label or several. */
  readonly hostName: string;
  /** Reachable from other machines: no loopback and no link-local IPv6, which needs a zone that browsers do not take. */
  readonly addresses: readonly MachineAddress[];
}

export interface MachineNames {
  readonly dns: readonly string[];
  readonly ips: readonly string[];
}

/** A host with many containers has a bridge for each group of them; a certificate should stay small. */
const MAX_ADDRESSES = 40;

/** RFC 1035 §2.3.1, as far as certificates carry it. */
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** Interfaces that lead to containers, virtual machines and tunnels, not to the phone on the table. */
const VIRTUAL = /^(?:docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|podman|lxc|utun|tun|tap|wg|tailscale|zt)/;

/** An address of documentation (RFC 5737): asking for the way to it sends nothing. */
const FAR_AWAY = '192.0.2.1';

export function thisMachine(): Machine {
  const addresses: MachineAddress[] = [];
  for (const [interfaceName, entries = []] of Object.entries(networkInterfaces())) {
    for (const { address, family, internal } of entries) {
      if (internal || address.toLowerCase().startsWith('fe80:')) continue;
      addresses.push({ address: address.toLowerCase(), family, interfaceName });
    }
  }
  return { hostName: hostname(), addresses: addresses.slice(0, MAX_ADDRESSES) };
}

/** The `.local` name that machines of one network find each other by; undefined when the system's name cannot be one. */
export function localNameOf({ hostName }: Machine): string | undefined {
  const label = hostName.toLowerCase().split('.')[0] ?? '';
  return DNS_NAME.test(label) && label !== 'localhost' ? `${label}.local` : undefined;
}

/** Every name and address that somebody may type to get here. @param host the setting HOST: counts when it is not a wildcard. */
export function namesOf(machine: Machine, host: string): MachineNames {
  const own = machine.hostName.toLowerCase();
  const dns = new Set(['localhost']);
  if (DNS_NAME.test(own)) dns.add(own);
  const local = localNameOf(machine);
  if (local !== undefined) dns.add(local);
  const ips = new Set(['127.0.0.1', '::1', ...machine.addresses.map(({ address }) => address)]);
  if (isIP(host) !== 0 && !isWildcard(host)) ips.add(host.toLowerCase());
  else if (isIP(host) === 0 && DNS_NAME.test(host.toLowerCase())) dns.add(host.toLowerCase());
  return { dns: [...dns], ips: [...ips] };
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** The address that a phone on the same network reaches: where the way out begins, else the first that looks like a network. */
export async function lanAddressOf(machine: Machine, wayOut: () => Promise<string | undefined> = outboundAddress): Promise<string | undefined> {
  const { addresses } = machine;
  const out = await wayOut();
  if (addresses.some(({ address }) => address === out)) return out;
  const real = addresses.filter(({ interfaceName }) => !VIRTUAL.test(interfaceName));
  return (real.find(({ family }) => family === 'IPv4') ?? real[0] ?? addresses[0])?.address;
}

/** The address that packets to far away would carry; undefined without a way out. */
function outboundAddress(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = (address: string | undefined): void => {
      socket.close();
      resolve(address);
    };
    socket.once('error', () => done(undefined));
    socket.connect(9, FAR_AWAY, () => done(socket.address().address));
  });
}

/** An IPv6 address goes into brackets. */
export function urlHost(nameOrAddress: string): string {
  return nameOrAddress.includes(':') ? `[${nameOrAddress}]` : nameOrAddress;
}
