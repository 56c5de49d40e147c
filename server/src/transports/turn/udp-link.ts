/** A client over UDP: an address behind the one socket that all share. */
import type { Socket } from 'node:dgram';
import type { TransportAddress } from '@millrace/media/stun/address';
import type { ClientLink } from './client-link.ts';
import { isQueueFull } from './udp-socket.ts';

export class UdpLink implements ClientLink {
  readonly transport = 'udp';
  readonly key: string;
  readonly remote: TransportAddress;
  readonly remoteAddress: string;
  readonly localAddress: string | undefined;
  readonly #socket: Socket;
  readonly #wireAddress: string;
  readonly #isOpen: () => boolean;

  /** @param wireAddress the address as the socket writes it: IPv4-mapped on a dual-stack one */
  constructor(
    socket: Socket,
    remote: TransportAddress,
    names: { readonly key: string; readonly wireAddress: string; readonly remoteAddress: string; readonly localAddress: string | undefined; isOpen(): boolean },
  ) {
    this.#socket = socket;
    this.#wireAddress = names.wireAddress;
    this.remote = remote;
    this.key = names.key;
    this.remoteAddress = names.remoteAddress;
    this.localAddress = names.localAddress;
    this.#isOpen = () => names.isOpen();
  }

  get isOpen(): boolean {
    return this.#isOpen();
  }

  send(message: Uint8Array): void {
    if (this.isOpen) this.#socket.send(message, this.remote.port, this.#wireAddress);
  }

  relay(pieces: readonly Uint8Array[]): boolean {
    if (!this.isOpen || isQueueFull(this.#socket)) return false;
    this.#socket.send(pieces, this.remote.port, this.#wireAddress);
    return true;
  }
}
