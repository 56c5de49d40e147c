/** Transport addresses in STUN attributes: XORed with the header, so that no middlebox rewrites them (RFC 8489 §14.2). */
import { putU16, putU32, u16 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { StunAttribute } from './attribute.ts';
import type { IpBytes } from './ip.ts';
import { MAGIC_COOKIE } from './message.ts';

export interface TransportAddress {
  readonly ip: IpBytes;
  readonly port: number;
}

export const AddressFamily = { ipv4: 1, ipv6: 2 } as const;
export type AddressFamily = (typeof AddressFamily)[keyof typeof AddressFamily];

export function familyOf(ip: IpBytes): AddressFamily {
  return ip.length === 4 ? AddressFamily.ipv4 : AddressFamily.ipv6;
}

export function xorAddressAttribute(type: number, { ip, port }: TransportAddress, transactionId: Uint8Array): StunAttribute {
  const value = new Uint8Array(4 + ip.length);
  value[1] = familyOf(ip);
  putU16(value, 2, port ^ (MAGIC_COOKIE >>> 16));
  value.set(xored(ip, transactionId), 4);
  return { type, value };
}

/** Throws ProtocolError. */
export function readXorAddress(value: Uint8Array, transactionId: Uint8Array): TransportAddress {
  const size = value[1] === AddressFamily.ipv4 ? 4 : value[1] === AddressFamily.ipv6 ? 16 : 0;
  if (size === 0 || value.length !== 4 + size) throw new ProtocolError(`address attribute of family ${value[1] ?? 'none'} in ${value.length} bytes`);
  return { ip: xored(value.subarray(4), transactionId), port: u16(value, 2) ^ (MAGIC_COOKIE >>> 16) };
}

function xored(ip: Uint8Array, transactionId: Uint8Array): Uint8Array {
  const mask = new Uint8Array(16);
  putU32(mask, 0, MAGIC_COOKIE);
  mask.set(transactionId, 4);
  return Uint8Array.from(ip, (byte, i) => byte ^ (mask[i] ?? 0));
}
