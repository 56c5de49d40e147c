/** UDP sockets as the relay uses them: bound, without name look-ups when sending, with a bounded queue. */
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns';
import { once } from 'node:events';
import { isIP } from 'node:net';

export interface UdpSocketOptions {
  readonly family: 4 | 6;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** IPv6 alone, without IPv4-mapped addresses. */
  readonly ipv6Only?: boolean;
  readonly bufferBytes?: number;
}

/** What may wait in the process when the system takes no more: a tenth of a second at 20 Mbit/s. */
const MAX_QUEUED_BYTES = 256 * 1024;

/** Rejects when the port cannot be had. */
export async function openUdpSocket({ family, host, port, ipv6Only = false, bufferBytes }: UdpSocketOptions): Promise<Socket> {
  const buffers = bufferBytes === undefined ? {} : { recvBufferSize: bufferBytes, sendBufferSize: bufferBytes };
  const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', ipv6Only, lookup: lookupNamesOnly, ...buffers });
  try {
    // Waited for before it is asked for: with an address for a host it comes at once.
    const listening = once(socket, 'listening');
    socket.bind({ port, address: host, exclusive: true });
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket;
}

export function isQueueFull(socket: Socket): boolean {
  return socket.getSendQueueSize() > MAX_QUEUED_BYTES;
}

/** The address of this machine from which packets to `remote` go out. Nothing is sent. */
export async function localAddressTowards(remote: string, family: 4 | 6): Promise<string> {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  try {
    socket.connect(DISCARD_PORT, remote);
    await once(socket, 'connect');
    return socket.address().address;
  } finally {
    socket.close();
  }
}

const DISCARD_PORT = 9;

/** Sending to an address asks the resolver each time otherwise. */
function lookupNamesOnly(name: string, options: object, callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void): void {
  const family = isIP(name);
  if (family !== 0) callback(null, name, family);
  else lookup(name, { ...options, all: false }, callback);
}
