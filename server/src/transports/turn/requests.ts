/** What each request of TURN does to the client's allocation (RFC 8656 §7 to §12); the answer's attributes, or TurnError. */
import { u16, u32 } from '@millrace/media/big-endian';
import { AddressFamily, readXorAddress, type TransportAddress, xorAddressAttribute } from '@millrace/media/stun/address';
import { Attribute, type StunAttribute, u32Attribute } from '@millrace/media/stun/attribute';
import { MAX_CHANNEL, MIN_CHANNEL } from '@millrace/media/stun/channel-data';
import { attributeOf, type StunMessage } from '@millrace/media/stun/message';
import type { Clock } from '../../lib/clock.ts';
import type { Allocation } from './allocation.ts';
import type { AllocationTable } from './allocation-table.ts';
import type { Authenticated } from './authentication.ts';
import type { ClientLink } from './client-link.ts';
import { TurnError } from './turn-error.ts';

/** RFC 8656 §3.2. */
const DEFAULT_LIFETIME_SECONDS = 600;
const MAX_LIFETIME_SECONDS = 3600;

/** IANA's protocol numbers. */
const UDP = 17;

export interface RequestDeps {
  readonly allocations: AllocationTable;
  readonly clock: Clock;
  hasFamily(family: 4 | 6): boolean;
  /** The address that peers are told, for a relay of this client. */
  relayedIp(link: ClientLink, family: 4 | 6): Promise<Uint8Array>;
}

export interface TurnRequest {
  readonly message: StunMessage;
  readonly link: ClientLink;
  readonly who: Authenticated;
}

/** Undefined: the same request is being answered already. */
export async function allocate({ message, link, who }: TurnRequest, deps: RequestDeps, opening: Set<string>): Promise<StunAttribute[] | undefined> {
  const existing = deps.allocations.get(link.key);
  if (existing) {
    // A request sent again because its answer was lost is answered again.
    if (Buffer.compare(existing.options.transactionId, message.transactionId) !== 0 || existing.options.user.name !== who.user) throw new TurnError(437, 'mismatch');
    return allocated(existing, message);
  }
  if (who.expiresAtMs <= deps.clock.now()) throw new TurnError(401, 'expired');
  const { family, even, reservationToken } = readWish(message);
  if (!deps.hasFamily(family)) throw new TurnError(440, 'unsupported');
  if (opening.has(link.key)) return undefined;
  opening.add(link.key);
  try {
    const allocation = await deps.allocations.open({
      ...{ link, family, even, reservationToken },
      userName: who.user,
      username: who.username,
      key: who.key,
      transactionId: message.transactionId.slice(),
      lifetimeMs: Math.max(DEFAULT_LIFETIME_SECONDS, lifetimeOf(message)) * 1000,
      relayedIp: await deps.relayedIp(link, family),
    });
    return allocated(allocation, message);
  } finally {
    opening.delete(link.key);
  }
}

export function refresh({ message, link, who }: TurnRequest, deps: RequestDeps): StunAttribute[] {
  const allocation = ownAllocation(link, who, deps);
  const family = attributeOf(message, Attribute.requestedAddressFamily);
  if (family && familyNumber(family) !== (allocation.options.relayed.ip.length === 4 ? 4 : 6)) throw new TurnError(443, 'unsupported');
  const seconds = lifetimeOf(message);
  if (seconds === 0) allocation.close();
  else allocation.refresh(Math.max(DEFAULT_LIFETIME_SECONDS, seconds) * 1000);
  return [u32Attribute(Attribute.lifetime, seconds === 0 ? 0 : Math.max(DEFAULT_LIFETIME_SECONDS, seconds))];
}

export function createPermission({ message, link, who }: TurnRequest, deps: RequestDeps): StunAttribute[] {
  const allocation = ownAllocation(link, who, deps);
  const peers = message.attributes.filter(({ type }) => type === Attribute.xorPeerAddress).map(({ value }) => readXorAddress(value, message.transactionId));
  if (peers.length === 0) throw new TurnError(400, 'bad_request');
  allocation.permit(peers);
  return [];
}

export function channelBind({ message, link, who }: TurnRequest, deps: RequestDeps): StunAttribute[] {
  const allocation = ownAllocation(link, who, deps);
  const number = attributeOf(message, Attribute.channelNumber);
  const peer = peerIn(message);
  if (number?.length !== 4 || !peer) throw new TurnError(400, 'bad_request');
  const channel = u16(number, 0);
  if (channel < MIN_CHANNEL || channel > MAX_CHANNEL) throw new TurnError(400, 'bad_request');
  allocation.bind(channel, peer);
  return [];
}

/** Where a message is for. Throws ProtocolError. */
export function peerIn(message: StunMessage): TransportAddress | undefined {
  const value = attributeOf(message, Attribute.xorPeerAddress);
  return value && readXorAddress(value, message.transactionId);
}

function ownAllocation(link: ClientLink, who: Authenticated, { allocations }: RequestDeps): Allocation {
  const allocation = allocations.get(link.key);
  if (!allocation) throw new TurnError(437, 'mismatch');
  // The same person with newer credentials is the same person.
  if (allocation.options.user.name !== who.user) throw new TurnError(441, 'wrong_credentials');
  return allocation;
}

function readWish(message: StunMessage): { readonly family: 4 | 6; readonly even: 'no' | 'yes' | 'pair'; readonly reservationToken: Uint8Array | undefined } {
  const [transport, family, even, reservationToken] = [
    attributeOf(message, Attribute.requestedTransport),
    attributeOf(message, Attribute.requestedAddressFamily),
    attributeOf(message, Attribute.evenPort),
    attributeOf(message, Attribute.reservationToken),
  ];
  if (transport?.length !== 4) throw new TurnError(400, 'bad_request');
  if (transport[0] !== UDP) throw new TurnError(442, 'unsupported');
  if (reservationToken && (reservationToken.length !== 8 || even || family)) throw new TurnError(400, 'bad_request');
  if (family && attributeOf(message, Attribute.additionalAddressFamily)) throw new TurnError(400, 'bad_request');
  if (even && even.length !== 1) throw new TurnError(400, 'bad_request');
  return { family: family ? familyNumber(family) : 4, even: !even ? 'no' : (even[0] ?? 0) & 0x80 ? 'pair' : 'yes', reservationToken };
}

function familyNumber(value: Uint8Array): 4 | 6 {
  if (value.length === 4 && value[0] === AddressFamily.ipv4) return 4;
  if (value.length === 4 && value[0] === AddressFamily.ipv6) return 6;
  throw new TurnError(440, 'unsupported');
}

/** What is asked for, at most an hour. */
function lifetimeOf(message: StunMessage): number {
  const value = attributeOf(message, Attribute.lifetime);
  if (value && value.length !== 4) throw new TurnError(400, 'bad_request');
  return value ? Math.min(u32(value, 0), MAX_LIFETIME_SECONDS) : DEFAULT_LIFETIME_SECONDS;
}

function allocated({ options, remainingMs }: Allocation, { transactionId }: StunMessage): StunAttribute[] {
  const { relayed, link, reservationToken } = options;
  return [
    xorAddressAttribute(Attribute.xorRelayedAddress, relayed, transactionId),
    u32Attribute(Attribute.lifetime, Math.round(remainingMs / 1000)),
    xorAddressAttribute(Attribute.xorMappedAddress, link.remote, transactionId),
    ...(reservationToken ? [{ type: Attribute.reservationToken, value: reservationToken }] : []),
  ];
}
