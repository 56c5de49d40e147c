import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { concat } from '../big-endian.ts';
import { fuzz } from '../fuzzing.ts';
import { HANDSHAKE_BYTES, type HandshakeDeps, ServerHandshake } from './handshake.ts';

const deps: HandshakeDeps = {
  hmacSha256: (key, data) => createHmac('sha256', key).update(data).digest(),
  randomBytes: (length) => new Uint8Array(length).map((_, i) => i * 31),
};

const hello = Uint8Array.of(3);

/** C1 of Flash Player 9: version, and a digest where its schema puts it. */
function digestC1(offsetAt: number, base: number): { readonly c1: Uint8Array; readonly digest: Uint8Array } {
  const c1 = new Uint8Array(HANDSHAKE_BYTES).map((_, i) => i * 17);
  c1.set([0, 0, 0, 0, 9, 0, 124, 2]);
  const sum = c1.subarray(offsetAt, offsetAt + 4).reduce((total, byte) => total + byte, 0);
  const at = (sum % 728) + base;
  const digest = deps.hmacSha256(Buffer.from('Genuine Adobe Flash Player 001'), concat(c1.subarray(0, at), c1.subarray(at + 32)));
  c1.set(digest, at);
  return { c1, digest };
}

describe('the handshake', () => {
  test('answers a simple client with its own bytes and hands on what follows C2', () => {
    const c1 = new Uint8Array(HANDSHAKE_BYTES).fill(5, 8);
    const handshake = new ServerHandshake(deps);
    expect(handshake.read(concat(hello, c1.subarray(0, 100)))).toEqual({});
    const { reply } = handshake.read(c1.subarray(100));
    expect(reply?.length).toBe(1 + 2 * HANDSHAKE_BYTES);
    expect(reply?.subarray(1 + HANDSHAKE_BYTES)).toEqual(c1);
    expect(handshake.read(concat(new Uint8Array(HANDSHAKE_BYTES), Uint8Array.of(1, 2)))).toEqual({ rest: Uint8Array.of(1, 2) });
  });

  test.each([
    { schema: 0, offsetAt: 8, base: 12 },
    { schema: 1, offsetAt: 772, base: 776 },
  ])('proves itself to a client of digest schema $schema', ({ offsetAt, base }) => {
    const { c1, digest } = digestC1(offsetAt, base);
    const { reply = new Uint8Array(0), rest } = new ServerHandshake(deps).read(concat(hello, c1, new Uint8Array(HANDSHAKE_BYTES)));
    expect(rest).toEqual(new Uint8Array(0));
    const s2 = reply.subarray(1 + HANDSHAKE_BYTES);
    const tail = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
    const key = deps.hmacSha256(concat(Buffer.from('Genuine Adobe Flash Media Server 001'), tail), digest);
    expect(Buffer.from(s2.subarray(-32))).toEqual(Buffer.from(deps.hmacSha256(key, s2.subarray(0, -32))));
  });

  test('falls back to the simple form when the digest is wrong', () => {
    const { c1 } = digestC1(8, 12);
    c1[1535] = 1 ^ (c1[1535] ?? 0);
    const { reply } = new ServerHandshake(deps).read(concat(hello, c1));
    expect(reply?.subarray(1 + HANDSHAKE_BYTES)).toEqual(c1);
  });

  test('names what is not RTMP', () => {
    expect(() => new ServerHandshake(deps).read(Uint8Array.of(0x16, 3, 1))).toThrow('TLS handshake');
    expect(() => new ServerHandshake(deps).read(Buffer.from('GET / HTTP/1.1'))).toThrow('HTTP request');
    expect(() => new ServerHandshake(deps).read(Uint8Array.of(6))).toThrow('the first byte is 6');
  });

  test('throws nothing but ProtocolError', () => {
    fuzz((bytes) => new ServerHandshake(deps).read(bytes), [concat(hello, digestC1(772, 776).c1)]);
  });
});
