/** Checks without a tie-breaker get one; nothing else is touched. */
import { createHmac } from 'node:crypto';
import { Attribute, textAttribute } from '@millrace/media/stun/attribute';
import { attributeOf, type HmacSha1, integrityOf, readStun, StunClass, StunMethod, writeStun } from '@millrace/media/stun/message';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withTieBreaker } from './relayed-check.ts';

const hmacSha1: HmacSha1 = (key, data) => createHmac('sha1', key).update(data).digest();
const PASSWORD = 'the password of this end';
const passwordOf = (ufrag: string) => (ufrag === 'here' ? PASSWORD : undefined);

function check({ tieBreaker = 0, username = 'here:there', password = PASSWORD, messageClass = StunClass.request as StunClass } = {}): Uint8Array {
  const attributes = [
    textAttribute(Attribute.username, username),
    { type: 0x802a, value: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, tieBreaker) },
    { type: 0x24, value: Uint8Array.of(110, 0, 31, 255) },
  ];
  const content = { class: messageClass, method: StunMethod.binding, transactionId: new Uint8Array(12).fill(7), attributes };
  return writeStun(content, { integrity: { key: Buffer.from(password), hmacSha1 }, fingerprint: true });
}

test('a check whose tie-breaker is 0 gets another, and is signed for the same session', () => {
  const before = readStun(check());
  const after = readStun(withTieBreaker(check(), passwordOf));
  expect(attributeOf(after, 0x802a)).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1));
  expect(after.transactionId).toEqual(before.transactionId);
  expect(after.attributes.map(({ type }) => type)).toEqual(before.attributes.map(({ type }) => type));
  expect(after.hasFingerprint).toBe(true);
  const mac = integrityOf(after, Buffer.from(PASSWORD), hmacSha1);
  expect(mac && Buffer.compare(mac.given, mac.right)).toBe(0);
});

test.for([
  ['with a tie-breaker', check({ tieBreaker: 9 })],
  ['of a session that is not here', check({ username: 'elsewhere:there' })],
  ['that somebody else signed', check({ password: 'a guess' })],
  ['that is an answer', check({ messageClass: StunClass.success })],
  ['that is cut off', check().subarray(0, 40)],
  ['of media', Uint8Array.of(0x80, 96, 0, 1)],
] as const)('a packet %s stays as it is', ([, packet]) => {
  expect(withTieBreaker(packet, passwordOf)).toBe(packet);
});

test('any packet is survived, and only whole checks change', () => {
  const damaged = fc.tuple(fc.nat(check().length - 1), fc.nat(255)).map(([at, byte]) => {
    const packet = check();
    packet[at] = byte;
    return packet;
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (packet) => {
      const after = withTieBreaker(packet, passwordOf);
      if (after !== packet) expect(Buffer.compare(packet, check())).toBe(0);
    }),
    { seed: 8445 },
  );
});
