/** A bad network in front of a UDP port: it loses and reorders what it is told to. Seeded: the same every time. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';

export interface Fault {
  /** Of 1. */
  readonly loss?: number;
  /** Of 1: how many packets are held back for `holdMs`, so that others overtake them. */
  readonly reorder?: number;
  readonly holdMs?: number;
}

interface Client {
  readonly remote: RemoteInfo;
  readonly upstream: Socket;
}

export class UdpProxy implements AsyncDisposable {
  readonly #listener = createSocket('udp4');
  readonly #clients = new Map<string, Client>();
  readonly #target: number;
  #fault: Fault = {};
  #random = 1;
  #lost = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#listener.on('message', (packet, remote) => this.#fromClient(packet, remote));
  }

  /** In front of this port of 127.0.0.1. */
  static async before(target: number): Promise<UdpProxy> {
    const proxy = new UdpProxy(target);
    await new Promise<void>((resolve) => proxy.#listener.bind(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return this.#listener.address().port;
  }

  get lost(): number {
    return this.#lost;
  }

  /** What happens from now on, in both directions. */
  set fault(fault: Fault) {
    this.#fault = fault;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { upstream } of this.#clients.values()) upstream.close();
    await new Promise<void>((resolve) => this.#listener.close(resolve));
  }

  #fromClient(packet: Buffer, remote: RemoteInfo): void {
    const key = `${remote.address}:${remote.port}`;
    let client = this.#clients.get(key);
    if (!client) {
      client = { remote, upstream: this.#connect(remote) };
      this.#clients.set(key, client);
    }
    const { upstream } = client;
    this.#pass(() => upstream.send(packet, this.#target, '127.0.0.1', () => {}));
  }

  #connect({ address, port }: RemoteInfo): Socket {
    const upstream = createSocket('udp4');
    upstream.on('message', (packet) => this.#pass(() => this.#listener.send(packet, port, address, () => {})));
    upstream.bind(0, '127.0.0.1');
    return upstream;
  }

  #pass(send: () => void): void {
    const { loss = 0, reorder = 0, holdMs = 30 } = this.#fault;
    if (this.#chance(loss)) this.#lost++;
    else if (this.#chance(reorder)) setTimeout(() => ignoreClosed(send), holdMs);
    else ignoreClosed(send);
  }

  /** A linear congruential generator: enough for losses. */
  #chance(probability: number): boolean {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#random / 2 ** 32 < probability;
  }
}

/** What was on its way when the network went away is lost, as it should be. */
function ignoreClosed(send: () => void): void {
  try {
    send();
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error;
  }
}
