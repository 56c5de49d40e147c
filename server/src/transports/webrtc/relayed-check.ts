/**
 * ICE checks that come through our relay, as the library wants them. Chromium's have the tie-breaker 0 where no UDP gets out;
 * the library takes that for none and answers 400, upon which the browser gives up. They get another, signed anew. Pure.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { ProtocolError } from '@millrace/media/protocol-error';
import { Attribute, readText, type StunAttribute } from '@millrace/media/stun/attribute';
import { attributeOf, type HmacSha1, integrityOf, readStun, StunClass, StunMethod, typeOf, writeStun } from '@millrace/media/stun/message';

/** RFC 8445 §16.1. */
const ICE_CONTROLLING = 0x802a;

/** Ours never fights for a role, so that any number but 0 does. */
const TIE_BREAKER: StunAttribute = { type: ICE_CONTROLLING, value: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1) };

const BINDING_REQUEST = typeOf(StunClass.request, StunMethod.binding);

/** RFC 8445 §5.3: two fragments of at most 256 characters and a colon. */
const MAX_USERNAME_BYTES = 513;

const hmacSha1: HmacSha1 = (key, data) => createHmac('sha1', key).update(data).digest();

/** @param passwordOf this end's ICE password for one of its name fragments. Whatever is no such check comes back as it is. */
export function withTieBreaker(packet: Uint8Array, passwordOf: (ufrag: string) => string | undefined): Uint8Array {
  if (packet[0] !== BINDING_REQUEST >> 8 || packet[1] !== (BINDING_REQUEST & 0xff)) return packet;
  try {
    const check = readStun(packet);
    if (!attributeOf(check, ICE_CONTROLLING)?.every((byte) => byte === 0)) return packet;
    const ufrag = readText(attributeOf(check, Attribute.username) ?? new Uint8Array(), MAX_USERNAME_BYTES)?.split(':')[0];
    const password = ufrag === undefined ? undefined : passwordOf(ufrag);
    if (password === undefined) return packet;
    const key = Buffer.from(password);
    // Only what the peer signed is signed again.
    const mac = integrityOf(check, key, hmacSha1);
    if (!mac || !timingSafeEqual(mac.given, mac.right)) return packet;
    const attributes = check.attributes.map((attribute) => (attribute.type === ICE_CONTROLLING ? TIE_BREAKER : attribute));
    return writeStun({ ...check, attributes }, { integrity: { key, hmacSha1 }, fingerprint: true });
  } catch (error) {
    if (error instanceof ProtocolError) return packet;
    throw error;
  }
}
