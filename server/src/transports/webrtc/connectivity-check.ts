/** ICE's connectivity checks and their answers (RFC 8445 §7), signed with the password of whoever is asked. Pure. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type TransportAddress, xorAddressAttribute } from '@millrace/media/stun/address';
import { Attribute, errorAttribute, readText, type StunAttribute, textAttribute, u32Attribute } from '@millrace/media/stun/attribute';
import { attributeOf, type HmacSha1, integrityOf, StunClass, type StunMessage, StunMethod, writeStun } from '@millrace/media/stun/message';

/** Any but 0, which some take for none: this end never fights for a role. */
const TIE_BREAKER = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1);

/** RFC 8445 §5.3: two fragments of at most 256 characters and a colon. */
const MAX_USERNAME_BYTES = 513;

export const hmacSha1: HmacSha1 = (key, data) => createHmac('sha1', key).update(data).digest();

/** As the controlling end says it. */
export const CONTROLLING: StunAttribute = { type: Attribute.iceControlling, value: TIE_BREAKER };

export interface Check {
  readonly transactionId: Uint8Array;
  /** The fragment of whoever is asked, a colon, and that of whoever asks. */
  readonly username: string;
  /** Of whoever is asked. */
  readonly password: string;
  /** Of the candidate that the asker would be known by. */
  readonly priority: number;
  /** `nominating`: the controlling end, whose choice this path is. */
  readonly role: 'controlled' | 'nominating';
}

export function writeCheck({ transactionId, username, password, priority, role }: Check): Uint8Array {
  const roleAttributes =
    role === 'controlled' ? [{ type: Attribute.iceControlled, value: TIE_BREAKER }] : [CONTROLLING, { type: Attribute.useCandidate, value: new Uint8Array(0) }];
  const attributes = [textAttribute(Attribute.username, username), u32Attribute(Attribute.priority, priority), ...roleAttributes];
  return signed({ class: StunClass.request, method: StunMethod.binding, transactionId, attributes }, password);
}

/** @param mapped where the check came from */
export function writeCheckAnswer({ transactionId }: StunMessage, mapped: TransportAddress, password: string): Uint8Array {
  const attributes = [xorAddressAttribute(Attribute.xorMappedAddress, mapped, transactionId)];
  return signed({ class: StunClass.success, method: StunMethod.binding, transactionId, attributes }, password);
}

/** The asker has the wrong role and takes the other (RFC 8445 §7.3.1.1). */
export function writeRoleConflict({ transactionId }: StunMessage, password: string): Uint8Array {
  return signed({ class: StunClass.error, method: StunMethod.binding, transactionId, attributes: [errorAttribute(487, 'Role Conflict')] }, password);
}

export function usernameOf(message: StunMessage): string | undefined {
  const value = attributeOf(message, Attribute.username);
  return value && readText(value, MAX_USERNAME_BYTES);
}

/** Whether whoever sent it knows the password. */
export function isSignedWith(message: StunMessage, password: string): boolean {
  const mac = integrityOf(message, Buffer.from(password), hmacSha1);
  return mac !== undefined && timingSafeEqual(mac.given, mac.right);
}

function signed(content: Parameters<typeof writeStun>[0], password: string): Uint8Array {
  return writeStun(content, { integrity: { key: Buffer.from(password), hmacSha1 }, fingerprint: true });
}
