/** All relays that are open, found by the client's five-tuple and by the address that peers see; makes new ones within the quotas. */
import type { Socket } from 'node:dgram';
import type { TransportAddress } from '@millrace/media/stun/address';
import { formatIp } from '@millrace/media/stun/ip';
import type { Timer } from '../../lib/clock.ts';
import { Allocation, type AllocationOptions, peerKeyOf, type RelaySurroundings } from './allocation.ts';
import type { RelayPorts } from './relay-ports.ts';
import { TurnError } from './turn-error.ts';
import type { TurnUser, TurnUsers } from './turn-users.ts';

/** RFC 8656 §7.2: at least 30 s. */
const RESERVATION_MS = 30_000;
const TOKEN_BYTES = 8;

export interface AllocationTableDeps {
  readonly ports: RelayPorts;
  readonly users: TurnUsers;
  readonly surroundings: Omit<RelaySurroundings, 'allocationAt'>;
}

/** What a client asks for. */
export interface AllocationWish extends Pick<AllocationOptions, 'link' | 'username' | 'key' | 'transactionId'> {
  readonly userName: string;
  readonly family: 4 | 6;
  readonly lifetimeMs: number;
  /** `pair`: the port above it is held for a later request. */
  readonly even: 'no' | 'yes' | 'pair';
  readonly reservationToken: Uint8Array | undefined;
  /** The address that peers are told. */
  readonly relayedIp: Uint8Array;
}

interface Reservation {
  readonly socket: Socket;
  readonly user: TurnUser;
  readonly timer: Timer;
  readonly family: 4 | 6;
}

export class AllocationTable {
  readonly #deps: AllocationTableDeps;
  readonly #byLink = new Map<string, Allocation>();
  readonly #byRelayed = new Map<string, Allocation>();
  readonly #reservations = new Map<string, Reservation>();
  readonly #surroundings: RelaySurroundings;
  #isClosed = false;

  constructor(deps: AllocationTableDeps) {
    this.#deps = deps;
    this.#surroundings = { ...deps.surroundings, allocationAt: (peerKey) => this.#byRelayed.get(peerKey) };
  }

  get size(): number {
    return this.#byLink.size;
  }

  get(linkKey: string): Allocation | undefined {
    return this.#byLink.get(linkKey);
  }

  /** Throws TurnError 486 or 508. */
  async open(wish: AllocationWish): Promise<Allocation> {
    if (wish.reservationToken) return this.#openReserved(wish, wish.reservationToken);
    const user = this.#deps.users.hold(wish.userName);
    let sockets: readonly [Socket, Socket | undefined];
    try {
      sockets = wish.even === 'no' ? [await this.#deps.ports.open(wish.family), undefined] : await this.#deps.ports.openEven(wish.family, wish.even === 'pair');
    } catch (error) {
      this.#deps.users.release(user);
      throw error;
    }
    const [socket, reserved] = sockets;
    const token = reserved && this.#reserve(reserved, wish);
    return this.#add(wish, socket, user, token);
  }

  /** Ends every relay of this client: its connection is gone. */
  forget(linkKey: string): void {
    this.#byLink.get(linkKey)?.close();
  }

  close(): void {
    this.#isClosed = true;
    for (const allocation of [...this.#byLink.values()]) allocation.close();
    for (const [token, { socket }] of [...this.#reservations]) {
      this.#takeReservation(token);
      socket.close();
    }
  }

  #openReserved(wish: AllocationWish, token: Uint8Array): Allocation {
    const reservation = this.#takeReservation(nameOf(token), wish.userName);
    if (!reservation) throw new TurnError(508, 'no_port');
    return this.#add({ ...wish, family: reservation.family }, reservation.socket, reservation.user, undefined);
  }

  #add(wish: AllocationWish, socket: Socket, user: TurnUser, reservationToken: Uint8Array | undefined): Allocation {
    const { link, username, key, transactionId, lifetimeMs } = wish;
    const relayed: TransportAddress = { ip: wish.relayedIp, port: socket.address().port };
    const relayedKey = peerKeyOf(formatIp(relayed.ip), relayed.port);
    const allocation = new Allocation(
      {
        ...{ link, socket, user, username, key, relayed, transactionId, reservationToken },
        onClosed: () => {
          this.#byLink.delete(link.key);
          this.#byRelayed.delete(relayedKey);
          this.#deps.users.release(user);
        },
      },
      this.#surroundings,
    );
    this.#byLink.set(link.key, allocation);
    this.#byRelayed.set(relayedKey, allocation);
    allocation.refresh(lifetimeMs);
    // The client or the server went while the socket was being opened.
    if (this.#isClosed || !link.isOpen) allocation.close();
    return allocation;
  }

  /** The port above is held, and counts as one of the user's. Undefined when the user has none left for it. */
  #reserve(socket: Socket, { userName, family }: AllocationWish): Uint8Array | undefined {
    let user: TurnUser;
    try {
      user = this.#deps.users.hold(userName);
    } catch {
      socket.close();
      return undefined;
    }
    const token = this.#deps.surroundings.randomBytes(TOKEN_BYTES);
    const timer = this.#deps.surroundings.clock.after(RESERVATION_MS, () => {
      this.#takeReservation(nameOf(token));
      this.#deps.users.release(user);
      socket.close();
    });
    this.#reservations.set(nameOf(token), { socket, user, timer, family });
    return token;
  }

  #takeReservation(name: string, userName?: string): Reservation | undefined {
    const reservation = this.#reservations.get(name);
    if (!reservation || (userName !== undefined && reservation.user.name !== userName)) return undefined;
    this.#reservations.delete(name);
    reservation.timer.cancel();
    return reservation;
  }
}

function nameOf(token: Uint8Array): string {
  return Buffer.from(token).toString('hex');
}
