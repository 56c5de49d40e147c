/** The attributes of STUN, TURN and ICE (RFC 8489 §18.3, RFC 8656 §18, RFC 8445 §16.1) that are read or written, and how simple ones look. */
import { concat, putU16, u16, u32Bytes } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';

export interface StunAttribute {
  readonly type: number;
  readonly value: Uint8Array;
}

export const Attribute = {
  mappedAddress: 0x0001,
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  channelNumber: 0x000c,
  lifetime: 0x000d,
  xorPeerAddress: 0x0012,
  data: 0x0013,
  realm: 0x0014,
  nonce: 0x0015,
  xorRelayedAddress: 0x0016,
  requestedAddressFamily: 0x0017,
  evenPort: 0x0018,
  requestedTransport: 0x0019,
  dontFragment: 0x001a,
  xorMappedAddress: 0x0020,
  reservationToken: 0x0022,
  priority: 0x0024,
  useCandidate: 0x0025,
  additionalAddressFamily: 0x8000,
  software: 0x8022,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
} as const;

/** Types below this must be understood: a request with an unknown one is answered 420. */
const COMPREHENSION_OPTIONAL = 0x8000;

/** Attributes that a list names in one answer; a request can hold thousands. */
const MAX_UNKNOWN_NAMED = 16;

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Those that must be understood and are not in `known`, each once. */
export function unknownRequired(attributes: readonly StunAttribute[], known: ReadonlySet<number>): number[] {
  const unknown = new Set<number>();
  for (const { type } of attributes) {
    if (type < COMPREHENSION_OPTIONAL && !known.has(type)) unknown.add(type);
    if (unknown.size === MAX_UNKNOWN_NAMED) break;
  }
  return [...unknown];
}

export function textAttribute(type: number, text: string): StunAttribute {
  return { type, value: utf8.encode(text) };
}

/** Undefined when it is longer than the field may be or is not UTF-8. */
export function readText(value: Uint8Array, maxBytes: number): string | undefined {
  if (value.length > maxBytes) return undefined;
  try {
    return strictUtf8.decode(value);
  } catch {
    return undefined;
  }
}

export function u32Attribute(type: number, value: number): StunAttribute {
  return { type, value: u32Bytes(value) };
}

/** An empty reason keeps answers to strangers small. */
export function errorAttribute(code: number, reason: string): StunAttribute {
  return { type: Attribute.errorCode, value: concat(Uint8Array.of(0, 0, Math.floor(code / 100), code % 100), utf8.encode(reason)) };
}

/** Code and reason. Throws ProtocolError. */
export function readError(value: Uint8Array): { readonly code: number; readonly reason: string } {
  if (value.length < 4) throw new ProtocolError(`ERROR-CODE of ${value.length} bytes`);
  const reason = readText(value.subarray(4), 763);
  if (reason === undefined) throw new ProtocolError('ERROR-CODE with a reason that is no text');
  return { code: ((value[2] ?? 0) & 7) * 100 + (value[3] ?? 0), reason };
}

export function unknownAttributesAttribute(types: readonly number[]): StunAttribute {
  const value = new Uint8Array(types.length * 2);
  for (const [i, type] of types.entries()) putU16(value, i * 2, type);
  return { type: Attribute.unknownAttributes, value };
}

export function readUnknownAttributes(value: Uint8Array): number[] {
  return Array.from({ length: value.length >> 1 }, (_, i) => u16(value, i * 2));
}
