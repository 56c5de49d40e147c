/** STUN messages (RFC 8489 §5): the header, the attributes, the two that protect a message. First layer of TURN. */
import { concat, putU16, putU32, u16, u32 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';
import { Attribute, type StunAttribute } from './attribute.ts';
import { crc32 } from './crc32.ts';

export const STUN_HEADER_BYTES = 20;

/** In every header, so that STUN can be told from other traffic. */
export const MAGIC_COOKIE = 0x2112a442;

const MAC_BYTES = 20;
const INTEGRITY_BYTES = 4 + MAC_BYTES;
const FINGERPRINT_BYTES = 8;
const FINGERPRINT_XOR = 0x5354554e;

export const StunClass = { request: 0, indication: 1, success: 2, error: 3 } as const;
export type StunClass = (typeof StunClass)[keyof typeof StunClass];

/** RFC 8489 §18.2 and RFC 8656 §17. */
export const StunMethod = { binding: 1, allocate: 3, refresh: 4, send: 6, data: 7, createPermission: 8, channelBind: 9 } as const;

/** What is needed to write one. */
export interface StunContent {
  readonly class: StunClass;
  readonly method: number;
  /** 12 bytes. */
  readonly transactionId: Uint8Array;
  readonly attributes: readonly StunAttribute[];
}

/** As it was received; attributes are views into it. What follows MESSAGE-INTEGRITY is not among them. */
export interface StunMessage extends StunContent {
  readonly bytes: Uint8Array;
  /** Where MESSAGE-INTEGRITY begins; undefined when it is missing. */
  readonly integrityAt: number | undefined;
  readonly hasFingerprint: boolean;
}

/** HMAC-SHA1: this folder brings no cryptography of its own. */
export type HmacSha1 = (key: Uint8Array, data: Uint8Array) => Uint8Array;

export interface StunProtection {
  readonly integrity?: { readonly key: Uint8Array; readonly hmacSha1: HmacSha1 };
  readonly fingerprint?: boolean;
}

/** Throws ProtocolError for whatever is not exactly one STUN message, or whose fingerprint is wrong. */
export function readStun(bytes: Uint8Array): StunMessage {
  if (bytes.length < STUN_HEADER_BYTES) throw new ProtocolError(`${bytes.length} bytes are no STUN header`);
  const type = u16(bytes, 0);
  if (type & 0xc000) throw new ProtocolError('a STUN message begins with two zero bits');
  const length = u16(bytes, 2);
  if (length % 4 !== 0 || length + STUN_HEADER_BYTES !== bytes.length) throw new ProtocolError(`STUN length ${length} in ${bytes.length} bytes`);
  if (u32(bytes, 4) !== MAGIC_COOKIE) throw new ProtocolError('no STUN magic cookie');
  const attributes: StunAttribute[] = [];
  let integrityAt: number | undefined;
  let hasFingerprint = false;
  for (let at = STUN_HEADER_BYTES; at < bytes.length; ) {
    const [name, size] = [u16(bytes, at), u16(bytes, at + 2)];
    const value = bytes.subarray(at + 4, at + 4 + size);
    if (value.length !== size) throw new ProtocolError(`STUN attribute 0x${name.toString(16)} of ${size} bytes exceeds its message`);
    const next = at + 4 + padded(size);
    if (name === Attribute.fingerprint) {
      if (next !== bytes.length || size !== 4 || u32(value, 0) !== fingerprintOf(bytes.subarray(0, at))) throw new ProtocolError('wrong STUN fingerprint');
      hasFingerprint = true;
    } else if (integrityAt === undefined) {
      if (name === Attribute.messageIntegrity) {
        if (size !== MAC_BYTES) throw new ProtocolError(`MESSAGE-INTEGRITY of ${size} bytes, not ${MAC_BYTES}`);
        integrityAt = at;
      } else attributes.push({ type: name, value });
    }
    // RFC 8489 §14.5: what follows MESSAGE-INTEGRITY is not protected by it and is left out.
    at = next;
  }
  return { class: classOf(type), method: methodOf(type), transactionId: bytes.subarray(8, 20), attributes, bytes, integrityAt, hasFingerprint };
}

/** The first attribute of this type; those that are repeated do not count (RFC 8489 §14). */
export function attributeOf(message: StunContent, type: number): Uint8Array | undefined {
  return message.attributes.find((attribute) => attribute.type === type)?.value;
}

/** The message authentication code that the message carries and the one it should carry. The caller compares them, in constant time. */
export function integrityOf({ bytes, integrityAt }: StunMessage, key: Uint8Array, hmacSha1: HmacSha1): { readonly given: Uint8Array; readonly right: Uint8Array } | undefined {
  if (integrityAt === undefined) return undefined;
  const covered = bytes.slice(0, integrityAt);
  // The length counts as if the message ended with MESSAGE-INTEGRITY.
  putU16(covered, 2, integrityAt + INTEGRITY_BYTES - STUN_HEADER_BYTES);
  return { given: bytes.subarray(integrityAt + 4, integrityAt + INTEGRITY_BYTES), right: hmacSha1(key, covered) };
}

export function writeStun(content: StunContent, { integrity, fingerprint = false }: StunProtection = {}): Uint8Array {
  const size = content.attributes.reduce((sum, { value }) => sum + 4 + padded(value.length), STUN_HEADER_BYTES);
  let bytes: Uint8Array = new Uint8Array(size);
  putU16(bytes, 0, typeOf(content.class, content.method));
  putU32(bytes, 4, MAGIC_COOKIE);
  bytes.set(content.transactionId, 8);
  let at = STUN_HEADER_BYTES;
  for (const { type, value } of content.attributes) {
    putU16(bytes, at, type);
    putU16(bytes, at + 2, value.length);
    bytes.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  putU16(bytes, 2, size - STUN_HEADER_BYTES);
  if (integrity) {
    putU16(bytes, 2, bytes.length + INTEGRITY_BYTES - STUN_HEADER_BYTES);
    bytes = concat(bytes, attributeHead(Attribute.messageIntegrity, MAC_BYTES), integrity.hmacSha1(integrity.key, bytes));
  }
  if (fingerprint) {
    putU16(bytes, 2, bytes.length + FINGERPRINT_BYTES - STUN_HEADER_BYTES);
    const value = new Uint8Array(4);
    putU32(value, 0, fingerprintOf(bytes));
    bytes = concat(bytes, attributeHead(Attribute.fingerprint, 4), value);
  }
  return bytes;
}

/** Attributes are padded to four bytes; their length does not count the padding. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}

/** The two class bits lie among those of the method (RFC 8489 §5, figure 3). */
export function typeOf(messageClass: StunClass, method: number): number {
  return (method & 0xf) | ((method & 0x70) << 1) | ((method & 0xf80) << 2) | ((messageClass & 1) << 4) | ((messageClass & 2) << 7);
}

function methodOf(type: number): number {
  return (type & 0xf) | ((type >> 1) & 0x70) | ((type >> 2) & 0xf80);
}

function classOf(type: number): StunClass {
  const [low, high] = [(type >> 4) & 1, (type >> 8) & 1];
  if (high === 0) return low === 0 ? StunClass.request : StunClass.indication;
  return low === 0 ? StunClass.success : StunClass.error;
}

function attributeHead(type: number, length: number): Uint8Array {
  const head = new Uint8Array(4);
  putU16(head, 0, type);
  putU16(head, 2, length);
  return head;
}

/** Over everything before the attribute, whose length the header counts already. */
function fingerprintOf(bytes: Uint8Array): number {
  return (crc32(bytes) ^ FINGERPRINT_XOR) >>> 0;
}
