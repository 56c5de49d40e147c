/** A bad network in front of a UDP port: it loses, delays, narrows, reorders and replays what it is told to, and forgets addresses as routers do. Seeded: the same every time. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';

export interface Fault {
  /** Of 1. */
  readonly loss?: number;
  /** How many packets in a row are lost together: losses begin so much more seldom. */
  readonly burst?: number;
  readonly delayMs?: number;
  /** At most so much more delay, another for each packet: they overtake each other. */
  readonly jitterMs?: number;
  /** Of 1: how many packets are held back for `holdMs`, so that others overtake them. */
  readonly reorder?: number;
  readonly holdMs?: number;
  /** Of each direction: what does not go through at once waits, as in a router, for at most `queueMs`; what would wait longer is lost. */
  readonly bitsPerSecond?: number;
  readonly queueMs?: number;
  /** Every packet comes again at once, and once more after so long: a recording played back. */
  readonly replayAfterMs?: number;
}

interface Client {
  readonly remote: RemoteInfo;
  upstream: Socket;
}

/** One way through it: bursts of one direction do not end those of the other. */
interface Direction {
  left: number;
  /** When what waits has gone through. */
  freeAtMs: number;
}

export class UdpProxy implements AsyncDisposable {
  readonly #listener = createSocket('udp4');
  readonly #clients = new Map<string, Client>();
  readonly #target: number;
  #fault: Fault = {};
  #random = 1;
  #lost = 0;
  #passed = 0;
  #replayed = 0;
  readonly #up: Direction = { left: 0, freeAtMs: 0 };
  readonly #down: Direction = { left: 0, freeAtMs: 0 };

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

  /** Packets so far, of both directions. */
  get lost(): number {
    return this.#lost;
  }

  /** Packets that were let through, in both directions, and how often they were sent once more. */
  get counts(): { readonly passed: number; readonly replayed: number } {
    return { passed: this.#passed, replayed: this.#replayed };
  }

  /** What happens from now on, in both directions. */
  set fault(fault: Fault) {
    this.#fault = fault;
  }

  /** As a router that was started anew: what clients send comes from other ports, and what is sent to the old ones is lost. */
  rebind(): void {
    for (const client of this.#clients.values()) {
      client.upstream.close();
      client.upstream = this.#connect(client.remote);
    }
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
    this.#pass(this.#up, packet.length, () => upstream.send(packet, this.#target, '127.0.0.1', () => {}));
  }

  #connect({ address, port }: RemoteInfo): Socket {
    const upstream = createSocket('udp4');
    upstream.on('message', (packet) => this.#pass(this.#down, packet.length, () => this.#listener.send(packet, port, address, () => {})));
    upstream.bind(0, '127.0.0.1');
    return upstream;
  }

  #pass(direction: Direction, bytes: number, send: () => void): void {
    const { loss = 0, burst = 1, reorder = 0, holdMs = 30, delayMs = 0, jitterMs = 0, replayAfterMs } = this.#fault;
    if (direction.left === 0 && this.#chance(loss / burst)) direction.left = burst;
    if (loss === 0) direction.left = 0;
    if (direction.left > 0) {
      direction.left--;
      this.#lost++;
      return;
    }
    const queuedMs = this.#queue(direction, bytes);
    if (queuedMs === undefined) {
      this.#lost++;
      return;
    }
    this.#passed++;
    if (replayAfterMs !== undefined) {
      setImmediate(() => this.#replay(send));
      setTimeout(() => this.#replay(send), replayAfterMs);
    }
    const waitMs = queuedMs + delayMs + (jitterMs > 0 ? this.#next() * jitterMs : 0) + (this.#chance(reorder) ? holdMs : 0);
    if (waitMs > 0) setTimeout(() => ignoreClosed(send), waitMs);
    else ignoreClosed(send);
  }

  /** How long it takes to get through; undefined when there is no room for it. */
  #queue(direction: Direction, bytes: number): number | undefined {
    const { bitsPerSecond, queueMs = 300 } = this.#fault;
    if (bitsPerSecond === undefined) return 0;
    const now = performance.now();
    const begin = Math.max(now, direction.freeAtMs);
    if (begin - now > queueMs) return undefined;
    direction.freeAtMs = begin + (bytes * 8_000) / bitsPerSecond;
    return direction.freeAtMs - now;
  }

  #replay(send: () => void): void {
    this.#replayed++;
    ignoreClosed(send);
  }

  #chance(probability: number): boolean {
    return this.#next() < probability;
  }

  /** From 0 to below 1. A linear congruential generator: enough for losses. */
  #next(): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#random / 2 ** 32;
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
