/**
 * The server's side of the RTMP handshake, simple and with digests. Sources: Adobe RTMP 1.0 §5.2; the digest form is that of
 * Flash Player 9 and Flash Media Server 3, known from their behaviour: encoders send it and accept either answer.
 */
import { ascii, concat, u32 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';

/** Length of C1, C2, S1 and S2. */
export const HANDSHAKE_BYTES = 1536;

const VERSION = 3;
const DIGEST_BYTES = 32;

const utf8 = new TextEncoder();
const PLAYER_KEY = utf8.encode('Genuine Adobe Flash Player 001');
const SERVER_KEY = utf8.encode('Genuine Adobe Flash Media Server 001');
const KEY_TAIL = Uint8Array.of(
  ...[0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8, 0x2e, 0x00, 0xd0, 0xd1, 0x02, 0x9e, 0x7e, 0x57],
  ...[0x6e, 0xec, 0x5d, 0x2d, 0x29, 0x80, 0x6f, 0xab, 0x93, 0xb8, 0xe6, 0x36, 0xcf, 0xeb, 0x31, 0xae],
);

export interface HandshakeDeps {
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  randomBytes(length: number): Uint8Array;
}

export interface HandshakeStep {
  /** To be sent to the client. */
  readonly reply?: Uint8Array;
  /** Set when the handshake is over: what followed it. */
  readonly rest?: Uint8Array;
}

/** Where C1 and S1 keep their digest: four bytes say how far behind them it lies. */
const SCHEMAS = [
  { offsetAt: 8, base: 12 },
  { offsetAt: 772, base: 776 },
];

export class ServerHandshake {
  readonly #deps: HandshakeDeps;
  #received: Uint8Array = new Uint8Array(0);
  #replied = false;

  constructor(deps: HandshakeDeps) {
    this.#deps = deps;
  }

  /** Takes the next bytes of the client. Throws ProtocolError when this is not RTMP. */
  read(bytes: Uint8Array): HandshakeStep {
    this.#received = concat(this.#received, bytes);
    const version = this.#received[0];
    if (version !== undefined && version !== VERSION) throw new ProtocolError(`${describeFirst(this.#received)}, not RTMP version ${VERSION}`);
    let reply: Uint8Array | undefined;
    if (!this.#replied) {
      if (this.#received.length < 1 + HANDSHAKE_BYTES) return {};
      reply = this.#answer(this.#received.subarray(1, 1 + HANDSHAKE_BYTES));
      this.#replied = true;
    }
    // A C2 that does not repeat S1 is common and harmless.
    const end = 1 + 2 * HANDSHAKE_BYTES;
    const rest = this.#received.length < end ? undefined : this.#received.slice(end);
    return { ...(reply && { reply }), ...(rest && { rest }) };
  }

  #answer(c1: Uint8Array): Uint8Array {
    const { hmacSha256, randomBytes } = this.#deps;
    const s1 = randomBytes(HANDSHAKE_BYTES);
    const found = findDigest(c1, PLAYER_KEY, hmacSha256);
    if (!found) {
      s1.fill(0, 0, 8);
      return concat(Uint8Array.of(VERSION), s1, c1);
    }
    s1.set([0, 0, 0, 0, 4, 5, 0, 1]);
    const at = digestOffset(s1, found.schema);
    s1.set(hmacSha256(SERVER_KEY, without(s1, at)), at);
    const s2 = randomBytes(HANDSHAKE_BYTES);
    const key = hmacSha256(concat(SERVER_KEY, KEY_TAIL), found.digest);
    s2.set(hmacSha256(key, s2.subarray(0, HANDSHAKE_BYTES - DIGEST_BYTES)), HANDSHAKE_BYTES - DIGEST_BYTES);
    return concat(Uint8Array.of(VERSION), s1, s2);
  }
}

type Schema = (typeof SCHEMAS)[number];

function findDigest(c1: Uint8Array, key: Uint8Array, hmac: HandshakeDeps['hmacSha256']): { readonly schema: Schema; readonly digest: Uint8Array } | undefined {
  // Clients of the simple form send version zero.
  if (u32(c1, 4) === 0) return undefined;
  for (const schema of SCHEMAS) {
    const at = digestOffset(c1, schema);
    const digest = c1.slice(at, at + DIGEST_BYTES);
    const expected = hmac(key, without(c1, at));
    if (digest.every((byte, i) => byte === expected[i])) return { schema, digest };
  }
  return undefined;
}

function digestOffset(block: Uint8Array, schema: Schema): number {
  let sum = 0;
  for (let i = 0; i < 4; i++) sum += block[schema.offsetAt + i] ?? 0;
  return (sum % 728) + schema.base;
}

function without(block: Uint8Array, at: number): Uint8Array {
  return concat(block.subarray(0, at), block.subarray(at + DIGEST_BYTES));
}

function describeFirst(bytes: Uint8Array): string {
  if (bytes[0] === 0x16) return 'the first byte is that of a TLS handshake';
  if (/^[A-Z]{3}/.test(ascii(bytes, 0, 3))) return 'the first bytes are those of an HTTP request';
  return `the first byte is ${bytes[0]}`;
}
