/**
 * ICE checks that come through our relay, as the library wants them. Chromium's have the tie-breaker 0 where no UDP gets out;
 * the library takes that for none and answers 400, upon which the browser gives up. They get another, signed anew. Pure.
 */
import { ProtocolError } from '@millrace/media/protocol-error';
import { Attribute } from '@millrace/media/stun/attribute';
import { attributeOf, readStun, StunClass, StunMethod, typeOf, writeStun } from '@millrace/media/stun/message';
import { CONTROLLING, hmacSha1, isSignedWith, usernameOf } from './connectivity-check.ts';

const BINDING_REQUEST = typeOf(StunClass.request, StunMethod.binding);

/** @param passwordOf this end's ICE password for one of its name fragments. Whatever is no such check comes back as it is. */
export function withTieBreaker(packet: Uint8Array, passwordOf: (ufrag: string) => string | undefined): Uint8Array {
  if (packet[0] !== BINDING_REQUEST >> 8 || packet[1] !== (BINDING_REQUEST & 0xff)) return packet;
  try {
    const check = readStun(packet);
    if (!attributeOf(check, Attribute.iceControlling)?.every((byte) => byte === 0)) return packet;
    const ufrag = usernameOf(check)?.split(':')[0];
    const password = ufrag === undefined ? undefined : passwordOf(ufrag);
    // Only what the peer signed is signed again.
    if (password === undefined || !isSignedWith(check, password)) return packet;
    const attributes = check.attributes.map((attribute) => (attribute.type === Attribute.iceControlling ? CONTROLLING : attribute));
    return writeStun({ ...check, attributes }, { integrity: { key: Buffer.from(password), hmacSha1 }, fingerprint: true });
  } catch (error) {
    if (error instanceof ProtocolError) return packet;
    throw error;
  }
}
