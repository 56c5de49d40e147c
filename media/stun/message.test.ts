import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fuzz } from '../fuzzing.ts';
import { ProtocolError } from '../protocol-error.ts';
import { readXorAddress, xorAddressAttribute } from './address.ts';
import { Attribute, errorAttribute, readError, readText, readUnknownAttributes, textAttribute, unknownAttributesAttribute, unknownRequired } from './attribute.ts';
import { crc32 } from './crc32.ts';
import { formatIp, parseIp } from './ip.ts';
import { attributeOf, type HmacSha1, integrityOf, readStun, StunClass, StunMethod, typeOf, writeStun } from './message.ts';

const hmacSha1: HmacSha1 = (key, data) => createHmac('sha1', key).update(data).digest();

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** RFC 5769 §2: the password of the first three. */
const SHORT_TERM_KEY = utf8('VOkJxbRl1RmTxUk/WvJxBt');
const TRANSACTION = hex('b7e7a701bc34d686fa87dfae');

/** RFC 5769 §2.1. */
const REQUEST = hex(`
  00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74 00240004 6e0001ff
  80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020 00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249
  c1b571a2 80280004 e57a3bcf`);

/** RFC 5769 §2.2. */
const RESPONSE_IPV4 = hex(`
  0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200008 0001a147 e112a643
  00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96`);

/** RFC 5769 §2.3. */
const RESPONSE_IPV6 = hex(`
  01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200014 0002a147 0113a9fa
  a5d3f179 bc25f4b5 bed2b9d9 00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c`);

/** RFC 5769 §2.4: long-term credentials, no fingerprint. */
const LONG_TERM = hex(`
  00010060 2112a442 78ad3433 c6ad72c0 29da412e 00060012 e3839ee3 8388e383 aae38383 e382afe3 82b90000 0015001c
  662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 3634734 1 0014000b 6578616d 706c652e 6f726700 00080014
  f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666`);

describe('the test vectors of RFC 5769', () => {
  test.each([
    ['request', REQUEST],
    ['IPv4 response', RESPONSE_IPV4],
    ['IPv6 response', RESPONSE_IPV6],
  ])('%s: integrity and fingerprint are right', (_, bytes) => {
    const message = readStun(bytes);
    expect(message.hasFingerprint).toBe(true);
    expect(message.transactionId).toEqual(TRANSACTION);
    const mac = integrityOf(message, SHORT_TERM_KEY, hmacSha1);
    expect(Buffer.from(mac?.right ?? [])).toEqual(Buffer.from(mac?.given ?? [0]));
  });

  test('the request holds what was sent', () => {
    const message = readStun(REQUEST);
    expect(message).toMatchObject({ class: StunClass.request, method: StunMethod.binding });
    expect(readText(attributeOf(message, Attribute.username) ?? hex('ff'), 100)).toBe('evtj:h6vY');
    expect(readText(attributeOf(message, Attribute.software) ?? hex('ff'), 100)).toBe('STUN test client');
    // PRIORITY and USERNAME must be understood, SOFTWARE and ICE-CONTROLLED need not be.
    expect(unknownRequired(message.attributes, new Set())).toEqual([0x24, 0x06]);
  });

  test.each([
    [RESPONSE_IPV4, '192.0.2.1'],
    [RESPONSE_IPV6, '2001:db8:1234:5678:11:2233:4455:6677'],
  ])('the mapped address is read and written', (bytes, text) => {
    const message = readStun(bytes);
    expect(message.class).toBe(StunClass.success);
    const value = attributeOf(message, Attribute.xorMappedAddress) ?? new Uint8Array(0);
    const address = readXorAddress(value, message.transactionId);
    expect({ ip: formatIp(address.ip), port: address.port }).toEqual({ ip: text, port: 32_853 });
    expect(xorAddressAttribute(Attribute.xorMappedAddress, address, message.transactionId).value).toEqual(value);
  });

  test('long-term credentials', () => {
    const message = readStun(LONG_TERM);
    expect(readText(attributeOf(message, Attribute.nonce) ?? hex('ff'), 200)).toBe('f//499k954d6OL34oL9FSTvy64sA');
    const key = createHash('md5').update('\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9:example.org:TheMatrIX').digest();
    const mac = integrityOf(message, key, hmacSha1);
    expect(Buffer.from(mac?.right ?? [])).toEqual(Buffer.from(mac?.given ?? [0]));
    expect(message.hasFingerprint).toBe(false);
  });
});

describe('STUN messages', () => {
  test('what is written is read', () => {
    const transactionId = Uint8Array.from({ length: 12 }, (_, i) => i);
    const attribute = fc.record({ type: fc.integer({ min: 0x8100, max: 0x8200 }), value: fc.uint8Array({ maxLength: 40 }) });
    const anyClass = fc.constantFrom(...Object.values(StunClass));
    fc.assert(
      fc.property(fc.array(attribute, { maxLength: 8 }), anyClass, fc.integer({ min: 0, max: 0xfff }), fc.boolean(), (attributes, messageClass, method, fingerprint) => {
        const key = utf8('key');
        const bytes = writeStun({ class: messageClass, method, transactionId, attributes }, { integrity: { key, hmacSha1 }, fingerprint });
        const message = readStun(bytes);
        expect(message).toMatchObject({ class: messageClass, method, hasFingerprint: fingerprint });
        expect(message.attributes.map(({ type, value }) => ({ type, value: value.slice() }))).toEqual(attributes);
        const mac = integrityOf(message, key, hmacSha1);
        expect(Buffer.from(mac?.right ?? [])).toEqual(Buffer.from(mac?.given ?? [0]));
      }),
    );
  });

  test('types are those of the RFC', () => {
    expect(typeOf(StunClass.request, StunMethod.allocate)).toBe(0x0003);
    expect(typeOf(StunClass.success, StunMethod.binding)).toBe(0x0101);
    expect(typeOf(StunClass.error, StunMethod.channelBind)).toBe(0x0119);
    expect(typeOf(StunClass.indication, StunMethod.send)).toBe(0x0016);
  });

  test('with one bit changed anywhere is no message with a fingerprint', () => {
    fc.assert(
      fc.property(fc.nat(REQUEST.length - 1), fc.nat(7), (at, bit) => {
        const damaged = REQUEST.slice();
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        expect(() => {
          // A length that swallows the fingerprint makes a message without one.
          if (!readStun(damaged).hasFingerprint) throw new ProtocolError('no fingerprint');
        }).toThrow(ProtocolError);
      }),
    );
  });

  test('what follows MESSAGE-INTEGRITY is left out', () => {
    const protectedPart = writeStun({ class: 0, method: 1, transactionId: TRANSACTION, attributes: [] }, { integrity: { key: SHORT_TERM_KEY, hmacSha1 } });
    const smuggled = new Uint8Array(protectedPart.length + 8);
    smuggled.set(protectedPart);
    smuggled.set([0, Attribute.lifetime, 0, 4, 0, 0, 0, 0], protectedPart.length);
    smuggled[3] = smuggled.length - 20;
    const message = readStun(smuggled);
    expect(message.attributes).toEqual([]);
    const mac = integrityOf(message, SHORT_TERM_KEY, hmacSha1);
    expect(Buffer.from(mac?.right ?? [])).toEqual(Buffer.from(mac?.given ?? [0]));
  });

  test('errors and unknown attributes are read as they are written', () => {
    expect(readError(errorAttribute(438, 'Stale Nonce').value)).toEqual({ code: 438, reason: 'Stale Nonce' });
    expect(readError(errorAttribute(401, '').value)).toEqual({ code: 401, reason: '' });
    expect(readUnknownAttributes(unknownAttributesAttribute([0x1a, 0x7fff]).value)).toEqual([0x1a, 0x7fff]);
    expect(readText(utf8('long'), 3)).toBeUndefined();
    expect(readText(hex('c3 28'), 3)).toBeUndefined();
  });

  test('CRC-32 has its known value', () => {
    expect(crc32(utf8('123456789'))).toBe(0xcbf43926);
  });

  test('any bytes are read or are a ProtocolError', () => {
    const samples = [REQUEST, RESPONSE_IPV4, RESPONSE_IPV6, LONG_TERM, writeStun({ class: 0, method: 1, transactionId: TRANSACTION, attributes: [textAttribute(0x8022, '')] })];
    fuzz((bytes) => {
      const message = readStun(bytes);
      integrityOf(message, SHORT_TERM_KEY, hmacSha1);
      unknownRequired(message.attributes, new Set());
      for (const { value } of message.attributes) {
        readText(value, 513);
        readUnknownAttributes(value);
      }
    }, samples);
    fuzz((bytes) => readXorAddress(bytes, TRANSACTION), [hex('0001a147e112a643'), hex('0002a1470113a9faa5d3f179bc25f4b5bed2b9d9'), hex('0003a147e112a643')]);
    fuzz(readError, [hex('00000401'), hex('000004'), hex('00000401ff')]);
  });
});

describe('IP addresses', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['fe80::', 'fe80::'],
    ['1:2:3:4:5:6:10.0.0.1', '1:2:3:4:5:6:a00:1'],
  ])('%s is %s', (text, canonical) => {
    const ip = parseIp(text);
    expect(ip && formatIp(ip)).toBe(canonical);
  });

  test.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '0x7f.0.0.1',
    '127.1',
    '1.2.3.4 ',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8:9',
    '12345::',
    'fe80::1%eth0',
    '10.0.0.1::',
    '::10.0.0.1:1',
    'localhost',
  ])('%j is none', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });

  test('every address is read as it is written', () => {
    const bytes = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }));
    fc.assert(
      fc.property(bytes, (ip) => {
        expect(parseIp(formatIp(ip))).toEqual(ip);
      }),
    );
    fc.assert(fc.property(fc.string({ maxLength: 60 }), (text) => void parseIp(text)));
  });
});
