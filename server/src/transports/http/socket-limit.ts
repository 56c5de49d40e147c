/** Keeps one address from taking all the WebSockets there are. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { networkOf } from '../../lib/try-limiter.ts';

/** A school or a village behind one address has fewer; each takes some 25 KB. */
const MAX_PER_ADDRESS = 1_000;

/** As `networkOf` writes it: a proxy on this machine has all the viewers there are. */
const LOOPBACK = /^127\.|^0:0:0:0$/;

export interface SocketLimitDeps {
  /** Who asks. */
  remoteAddressOf(request: IncomingMessage): string;
  readonly maxPerAddress?: number;
}

export class SocketLimit {
  readonly #deps: SocketLimitDeps;
  readonly #perNetwork = new Map<string, number>();

  constructor(deps: SocketLimitDeps) {
    this.#deps = deps;
  }

  /** Counts the connection until it closes. False: there are as many as there may be. */
  admits(request: IncomingMessage, connection: Duplex): boolean {
    const { remoteAddressOf, maxPerAddress = MAX_PER_ADDRESS } = this.#deps;
    const network = networkOf(remoteAddressOf(request));
    if (LOOPBACK.test(network)) return true;
    const count = this.#perNetwork.get(network) ?? 0;
    if (count >= maxPerAddress) return false;
    this.#perNetwork.set(network, count + 1);
    connection.once('close', () => this.#forget(network));
    return true;
  }

  #forget(network: string): void {
    const left = (this.#perNetwork.get(network) ?? 1) - 1;
    if (left > 0) this.#perNetwork.set(network, left);
    else this.#perNetwork.delete(network);
  }
}
