/** One relay: a client on one side, the socket that its peers see on the other, and between them permissions and channels. */
import type { Socket } from 'node:dgram';
import { putU16, putU32 } from '@millrace/media/big-endian';
import { familyOf, type TransportAddress, xorAddressAttribute } from '@millrace/media/stun/address';
import { Attribute } from '@millrace/media/stun/attribute';
import { CHANNEL_HEADER_BYTES, readChannelHeader } from '@millrace/media/stun/channel-data';
import { formatIp, parseIp } from '@millrace/media/stun/ip';
import { MAGIC_COOKIE, padded, STUN_HEADER_BYTES, StunClass, StunMethod, typeOf } from '@millrace/media/stun/message';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { ClientLink } from './client-link.ts';
import type { TurnCounters } from './counters.ts';
import { type GuestPath, isBinding, isMedia, type PortGuests } from './guests.ts';
import { TurnError } from './turn-error.ts';
import type { TurnUser } from './turn-users.ts';
import { isQueueFull } from './udp-socket.ts';

/** RFC 8656 §9 and §12. */
const PERMISSION_LIFETIME_MS = 5 * 60_000;
const CHANNEL_LIFETIME_MS = 10 * 60_000;

/** Candidates of a peer are a few dozen at most; each costs memory. */
const MAX_PERMISSIONS = 200;
const MAX_CHANNELS = 200;

const PADDING = [new Uint8Array(0), new Uint8Array(3), new Uint8Array(2), new Uint8Array(1)] as const;

/** What an allocation asks of the whole relay. */
export interface RelaySurroundings {
  readonly clock: Clock;
  readonly counters: TurnCounters;
  /** The relay's own end at this address, which then need not leave the process. */
  allocationAt(peerKey: string): Allocation | undefined;
  /** Whether the filter lets packets go there at all. */
  mayReach(ip: Uint8Array): boolean;
  /** Our own media port, reachable whatever the filter says. */
  isOwnMedia(address: string, port: number): boolean;
  /** A packet to it as it wants it. */
  toOwnMedia(packet: Uint8Array): Uint8Array;
  /** Those of the relay's own port, when this is it. They are all that is reached there: a relay of a relay would have no end. */
  guestsAt(address: string, port: number): PortGuests | undefined;
  randomBytes(length: number): Uint8Array;
}

export interface AllocationOptions {
  readonly link: ClientLink;
  readonly socket: Socket;
  readonly user: TurnUser;
  readonly username: string;
  /** Of MESSAGE-INTEGRITY. */
  readonly key: Uint8Array;
  /** What peers are told. */
  readonly relayed: TransportAddress;
  /** Of the request that made it: the same request again is answered the same. */
  readonly transactionId: Uint8Array;
  readonly reservationToken: Uint8Array | undefined;
  /** Called once, when it is over. */
  onClosed(): void;
}

interface Peer extends TransportAddress {
  readonly key: string;
  readonly address: string;
  /** Passes the filter. Otherwise it must be our own each time. */
  readonly isReachable: boolean;
}

interface Channel {
  readonly number: number;
  readonly peer: Peer;
  expiresAt: number;
}

/** Names a transport address; the address is written as Node writes it. */
export function peerKeyOf(address: string, port: number): string {
  return `${address}:${port}`;
}

export class Allocation {
  readonly options: AllocationOptions;
  readonly relayedKey: string;
  readonly #around: RelaySurroundings;
  readonly #permissions = new Map<string, number>();
  readonly #channels = new Map<number, Channel>();
  readonly #channelOfPeer = new Map<string, Channel>();
  #timer: Timer | undefined;
  #expiresAt = 0;
  #isClosed = false;

  constructor(options: AllocationOptions, around: RelaySurroundings) {
    this.options = options;
    this.#around = around;
    this.relayedKey = peerKeyOf(formatIp(options.relayed.ip), options.relayed.port);
    options.socket.on('message', (data, { address, port }) => this.#fromPeer(data, address, port));
    // An unreachable peer is told of by the system on some platforms; the next packet may fare better.
    options.socket.on('error', () => {});
  }

  get remainingMs(): number {
    return Math.max(0, this.#expiresAt - this.#around.clock.now());
  }

  /** The time left begins anew. */
  refresh(lifetimeMs: number): void {
    this.#timer?.cancel();
    this.#expiresAt = this.#around.clock.now() + lifetimeMs;
    this.#timer = this.#around.clock.after(lifetimeMs, () => this.close());
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    this.options.socket.close();
    this.options.onClosed();
  }

  /** Lets the peers send here and be sent to; all of them or none. Throws TurnError. */
  permit(addresses: readonly TransportAddress[]): void {
    const peers = addresses.map((address) => this.#reachablePeer(address));
    this.#makeRoom(peers);
    const until = this.#around.clock.now() + PERMISSION_LIFETIME_MS;
    for (const { address } of peers) this.#permissions.set(address, until);
  }

  /** Binds a channel to a peer, or keeps the same binding alive. Throws TurnError. */
  bind(number: number, address: TransportAddress): void {
    const now = this.#around.clock.now();
    if (address.port === 0) throw new TurnError(400, 'bad_request');
    const peer = this.#reachablePeer(address);
    this.#forgetChannels(now);
    const [bound, ofPeer] = [this.#channels.get(number), this.#channelOfPeer.get(peer.key)];
    // RFC 8656 §12.2: one peer a channel, one channel a peer.
    if ((bound && bound.peer.key !== peer.key) || (ofPeer && ofPeer.number !== number)) throw new TurnError(400, 'bad_request');
    if (!bound && this.#channels.size >= MAX_CHANNELS) throw new TurnError(508, 'user_quota');
    this.#makeRoom([peer]);
    this.#permissions.set(peer.address, now + PERMISSION_LIFETIME_MS);
    const channel = bound ?? { number, peer, expiresAt: 0 };
    channel.expiresAt = now + CHANNEL_LIFETIME_MS;
    this.#channels.set(number, channel);
    this.#channelOfPeer.set(peer.key, channel);
  }

  /** ChannelData of the client. Bytes that are none are dropped. */
  fromChannel(bytes: Uint8Array): void {
    const frame = readChannelHeader(bytes);
    const channel = frame && this.#channels.get(frame.channel);
    if (!channel || channel.expiresAt <= this.#around.clock.now()) {
      this.#around.counters.dropped.permission++;
      return;
    }
    this.#toPeer(channel.peer, bytes, CHANNEL_HEADER_BYTES, frame.length);
  }

  /** A Send indication of the client. */
  send(address: TransportAddress, data: Uint8Array): void {
    const peer = peerOf(address, this.#around);
    // Nothing is sent to port 0, which is none: Node would throw.
    if (address.port === 0 || familyOf(address.ip) !== familyOf(this.options.relayed.ip) || !this.#isPermitted(peer.address)) {
      this.#around.counters.dropped.permission++;
      return;
    }
    this.#toPeer(peer, data, 0, data.length);
  }

  /** What another allocation sends here. */
  fromAllocation(data: Uint8Array, { ip, port }: TransportAddress): void {
    const address = formatIp(ip);
    if (this.#isPermitted(address)) this.#toClient(data, peerKeyOf(address, port), { ip, port });
    else this.#around.counters.dropped.permission++;
  }

  #toPeer(peer: Peer, bytes: Uint8Array, offset: number, length: number): void {
    const { counters } = this.#around;
    if (!this.options.user.takeBytes(length)) {
      counters.dropped.bandwidth++;
      return;
    }
    const other = this.#around.allocationAt(peer.key);
    if (other) {
      counters.bytesToPeers += length;
      other.fromAllocation(bytes.subarray(offset, offset + length), this.options.relayed);
      return;
    }
    const guests = this.#around.guestsAt(peer.address, peer.port);
    if (guests) {
      counters.bytesToPeers += length;
      this.#toGuests(guests, peer, bytes.subarray(offset, offset + length));
      return;
    }
    const isOwn = this.#around.isOwnMedia(peer.address, peer.port);
    if (!peer.isReachable && !isOwn) counters.dropped.permission++;
    else if (isQueueFull(this.options.socket)) counters.dropped.queue++;
    else if (isOwn) {
      counters.bytesToPeers += length;
      this.options.socket.send(this.#around.toOwnMedia(bytes.subarray(offset, offset + length)), peer.port, peer.address);
    } else {
      counters.bytesToPeers += length;
      this.options.socket.send(bytes, offset, length, peer.port, peer.address);
    }
  }

  /** They are in this process: no packet needs to leave it, and none can be mistaken for a client's. */
  #toGuests(guests: PortGuests, peer: Peer, data: Uint8Array): void {
    const key = `${this.relayedKey}>${peer.key}`;
    if (isMedia(data)) guests.media(key, data);
    else if (isBinding(data)) guests.binding(data, this.#guestPath(key, peer));
  }

  #guestPath(key: string, { address, port }: Peer): GuestPath {
    const remote = this.options.relayed;
    const send = (data: Uint8Array): void => {
      if (!this.#isClosed) this.#fromPeer(data, address, port);
    };
    const relay = (pieces: readonly Uint8Array[]): boolean => {
      send(Buffer.concat(pieces));
      return true;
    };
    return { key, remote, remoteAddress: formatIp(remote.ip), send, relay };
  }

  #isOwn(address: string, port: number): boolean {
    return this.#around.isOwnMedia(address, port) || this.#around.guestsAt(address, port) !== undefined;
  }

  #fromPeer(data: Uint8Array, address: string, port: number): void {
    const key = peerKeyOf(address, port);
    const channel = this.#channelOfPeer.get(key);
    const peer = channel?.peer ?? this.#strangerAt(address, port);
    if (!peer || !this.#isPermitted(address) || !(peer.isReachable || this.#isOwn(address, port))) this.#around.counters.dropped.permission++;
    else if (this.options.user.takeBytes(data.length)) this.#toClient(data, key, peer);
    else this.#around.counters.dropped.bandwidth++;
  }

  /** A peer without a channel; nothing is worked out for those without a permission. */
  #strangerAt(address: string, port: number): Peer | undefined {
    if (!this.#permissions.has(address)) return undefined;
    const ip = parseIp(address);
    return ip && peerOf({ ip, port }, this.#around);
  }

  #toClient(data: Uint8Array, peerKey: string, peer: TransportAddress): void {
    const { counters, clock } = this.#around;
    const { link } = this.options;
    const channel = this.#channelOfPeer.get(peerKey);
    const isBound = channel !== undefined && channel.expiresAt > clock.now();
    const head = isBound ? channelHead(channel.number, data.length) : dataHead(peer, data.length, this.#around.randomBytes(12));
    // RFC 8656 §12.5: over UDP ChannelData needs no padding; attributes always do.
    const padding = isBound && link.transport === 'udp' ? PADDING[0] : (PADDING[data.length % 4] ?? PADDING[0]);
    if (link.relay(padding.length > 0 ? [head, data, padding] : [head, data])) counters.bytesToClients += data.length;
    else counters.dropped.slow++;
  }

  #isPermitted(address: string): boolean {
    const until = this.#permissions.get(address);
    return until !== undefined && until > this.#around.clock.now();
  }

  #reachablePeer(address: TransportAddress): Peer {
    if (familyOf(address.ip) !== familyOf(this.options.relayed.ip)) throw new TurnError(443, 'unsupported');
    const peer = peerOf(address, this.#around);
    const isOurs = () => this.#around.allocationAt(peer.key) !== undefined || this.#isOwn(peer.address, peer.port);
    if (!peer.isReachable && !isOurs()) throw new TurnError(403, 'forbidden_peer');
    return peer;
  }

  #makeRoom(peers: readonly Peer[]): void {
    const added = new Set(peers.filter(({ address }) => !this.#permissions.has(address)).map(({ address }) => address)).size;
    if (this.#permissions.size + added <= MAX_PERMISSIONS) return;
    const now = this.#around.clock.now();
    for (const [address, until] of this.#permissions) if (until <= now) this.#permissions.delete(address);
    if (this.#permissions.size + added > MAX_PERMISSIONS) throw new TurnError(508, 'user_quota');
  }

  #forgetChannels(now: number): void {
    for (const [number, { expiresAt, peer }] of this.#channels) {
      if (expiresAt > now) continue;
      this.#channels.delete(number);
      this.#channelOfPeer.delete(peer.key);
    }
  }
}

function peerOf({ ip, port }: TransportAddress, around: Pick<RelaySurroundings, 'mayReach'>): Peer {
  const address = formatIp(ip);
  return { ip, port, address, key: peerKeyOf(address, port), isReachable: around.mayReach(ip) };
}

function channelHead(channel: number, length: number): Uint8Array {
  const head = Buffer.allocUnsafe(CHANNEL_HEADER_BYTES);
  putU16(head, 0, channel);
  putU16(head, 2, length);
  return head;
}

/** A Data indication up to its data, which is its last attribute. */
function dataHead(peer: TransportAddress, length: number, transactionId: Uint8Array): Uint8Array {
  const { type, value } = xorAddressAttribute(Attribute.xorPeerAddress, peer, transactionId);
  const dataAt = STUN_HEADER_BYTES + 4 + value.length;
  const head = new Uint8Array(dataAt + 4);
  putU16(head, 0, typeOf(StunClass.indication, StunMethod.data));
  putU16(head, 2, head.length - STUN_HEADER_BYTES + padded(length));
  putU32(head, 4, MAGIC_COOKIE);
  head.set(transactionId, 8);
  putU16(head, STUN_HEADER_BYTES, type);
  putU16(head, STUN_HEADER_BYTES + 2, value.length);
  head.set(value, STUN_HEADER_BYTES + 4);
  putU16(head, dataAt, Attribute.data);
  putU16(head, dataAt + 2, length);
  return head;
}
