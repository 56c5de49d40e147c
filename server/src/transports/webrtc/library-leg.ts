/**
 * The leg of a restarted session to the library, which sees one more address of its peer: ours, on loopback. The first check nominates it above all
 * others, and from then on the library sends there what is for the peer. Both ends keep the credentials of the offer, which the library cannot change.
 */
import { randomBytes } from 'node:crypto';
import type { RemoteInfo, Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { ProtocolError } from '@millrace/media/protocol-error';
import type { IceCredentials } from '@millrace/media/sdp/description';
import { parseIp } from '@millrace/media/stun/ip';
import { readStun, StunClass } from '@millrace/media/stun/message';
import type { Clock, Timer } from '../../lib/clock.ts';
import { isBinding } from '../turn/guests.ts';
import { isQueueFull, openUdpSocket } from '../turn/udp-socket.ts';
import { isSignedWith, writeCheck, writeCheckAnswer } from './connectivity-check.ts';

/** The library keeps to the nominated pair of the highest priority: this is the highest that RFC 8445 §5.1.2 allows. */
const PRIORITY = 2 ** 31 - 1;

/** Nothing is lost on loopback, but the library may be busy. Doubled for each after it. */
const RETRANSMISSION_MS = 100;
const MAX_TRANSMISSIONS = 8;

export interface LibraryEnds {
  /** Where the library listens. */
  readonly address: string;
  readonly port: number;
  /** Of the answer, and of the offer. */
  readonly library: IceCredentials;
  readonly peer: IceCredentials;
}

export class LibraryLeg {
  readonly #ends: LibraryEnds;
  readonly #clock: Clock;
  readonly #socket: Socket;
  readonly #received: (packet: Buffer) => void;
  readonly #transactionId = randomBytes(12);
  #isNominated = false;
  #timer: Timer | undefined;
  #isClosed = false;

  private constructor(ends: LibraryEnds, clock: Clock, socket: Socket, received: (packet: Buffer) => void) {
    this.#ends = ends;
    this.#clock = clock;
    this.#socket = socket;
    this.#received = received;
    socket.on('message', (packet, from) => this.#fromLibrary(packet, from));
    // Told by the system when the library's port is gone, as it is when the server stops.
    socket.on('error', () => {});
  }

  /** Rejects when there is no socket to be had. @param received gets what the library sends to the peer */
  static async open(ends: LibraryEnds, clock: Clock, received: (packet: Buffer) => void): Promise<LibraryLeg> {
    const socket = await openUdpSocket({ family: isIPv6(ends.address) ? 6 : 4, host: ends.address, port: 0 });
    try {
      const connected = once(socket, 'connect');
      socket.connect(ends.port, ends.address);
      await connected;
    } catch (error) {
      socket.close();
      throw error;
    }
    return new LibraryLeg(ends, clock, socket, received);
  }

  /** Makes this the address that the library sends to. */
  nominate(): void {
    if (this.#isNominated || this.#isClosed) return;
    this.#isNominated = true;
    const { library, peer } = this.#ends;
    const username = `${library.ufrag}:${peer.ufrag}`;
    this.#transmit(
      writeCheck({ transactionId: this.#transactionId, username, password: library.pwd, priority: PRIORITY, role: 'nominating' }),
      RETRANSMISSION_MS,
      MAX_TRANSMISSIONS,
    );
  }

  /** Passes on what the peer sent. */
  send(packet: Uint8Array): void {
    if (!this.#isClosed && !isQueueFull(this.#socket)) this.#socket.send(packet);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#socket.close();
  }

  #transmit(check: Uint8Array, waitMs: number, left: number): void {
    this.send(check);
    this.#timer = left > 1 ? this.#clock.after(waitMs, () => this.#transmit(check, waitMs * 2, left - 1)) : undefined;
  }

  #fromLibrary(packet: Buffer, from: RemoteInfo): void {
    if (this.#isClosed) return;
    if (!isBinding(packet)) {
      this.#received(packet);
      return;
    }
    try {
      const message = readStun(packet);
      if (message.class === StunClass.success && Buffer.compare(message.transactionId, this.#transactionId) === 0) this.#timer?.cancel();
      const ip = parseIp(from.address);
      if (message.class === StunClass.request && ip && isSignedWith(message, this.#ends.peer.pwd))
        this.send(writeCheckAnswer(message, { ip, port: from.port }, this.#ends.peer.pwd));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }
}
