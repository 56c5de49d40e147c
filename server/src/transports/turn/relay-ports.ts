/** Opens the sockets that peers see, on ports of the relay's range, and tries again when a port is taken. */
import type { Socket } from 'node:dgram';
import { errorCodeOf } from '../../lib/start-error.ts';
import { TurnError } from './turn-error.ts';
import { openUdpSocket } from './udp-socket.ts';

export interface RelayPortsOptions {
  /** Addresses that sockets are bound to; a family without one has no relays. */
  readonly hosts: { readonly 4: string | undefined; readonly 6: string | undefined };
  readonly minPort: number;
  readonly maxPort: number;
  /** A whole number from 0 up to but without `below`. Ports that nobody can guess are harder to reach from outside. */
  randomInt(below: number): number;
}

/** Beyond it the range counts as full: other programs hold it. */
const MAX_TRIES = 40;

export class RelayPorts {
  readonly #options: RelayPortsOptions;
  readonly #taken = { 4: new Set<number>(), 6: new Set<number>() };

  constructor(options: RelayPortsOptions) {
    this.#options = options;
  }

  has(family: 4 | 6): boolean {
    return this.#options.hosts[family] !== undefined;
  }

  /** Throws TurnError 508 when no port is left. */
  async open(family: 4 | 6): Promise<Socket> {
    for (const port of this.#candidates(family, 1)) {
      const socket = await this.#tryOpen(family, port);
      if (socket) return socket;
    }
    throw new TurnError(508, 'no_port');
  }

  /** A socket on an even port; with `pair` also the one above it. */
  async openEven(family: 4 | 6, pair: boolean): Promise<readonly [Socket, Socket | undefined]> {
    for (const port of this.#candidates(family, 2)) {
      if (pair && (port + 1 > this.#options.maxPort || this.#taken[family].has(port + 1))) continue;
      const even = await this.#tryOpen(family, port);
      if (!even || !pair) {
        if (even) return [even, undefined];
        continue;
      }
      const odd = await this.#tryOpen(family, port + 1);
      if (odd) return [even, odd];
      even.close();
    }
    throw new TurnError(508, 'no_port');
  }

  /** Free as far as is known here, from a random one on. */
  *#candidates(family: 4 | 6, step: 1 | 2): Generator<number> {
    const { minPort, maxPort, randomInt } = this.#options;
    const first = step === 2 ? minPort + (minPort % 2) : minPort;
    const count = Math.floor((maxPort - first) / step) + 1;
    if (count < 1) return;
    const start = randomInt(count);
    let tries = 0;
    for (let i = 0; i < count && tries < MAX_TRIES; i++) {
      const port = first + ((start + i) % count) * step;
      if (this.#taken[family].has(port)) continue;
      tries++;
      yield port;
    }
  }

  async #tryOpen(family: 4 | 6, port: number): Promise<Socket | undefined> {
    const host = this.#options.hosts[family];
    if (host === undefined) throw new TurnError(440, 'unsupported');
    const taken = this.#taken[family];
    taken.add(port);
    try {
      const socket = await openUdpSocket({ family, host, port, ipv6Only: family === 6 });
      socket.once('close', () => taken.delete(port));
      return socket;
    } catch (error) {
      taken.delete(port);
      const code = errorCodeOf(error);
      if (code === 'EADDRINUSE' || code === 'EACCES') return undefined;
      // File descriptors or memory have run out.
      throw new TurnError(508, 'no_port');
    }
  }
}
