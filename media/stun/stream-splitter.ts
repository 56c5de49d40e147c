/** Cuts a TCP or TLS byte stream into STUN messages and ChannelData (RFC 8656 §12.5: there padded to four bytes). */
import { concat, u16, u32 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';
import { CHANNEL_HEADER_BYTES, isChannelData } from './channel-data.ts';
import { MAGIC_COOKIE, padded, STUN_HEADER_BYTES } from './message.ts';

/** Type and length, the same for both. */
const LENGTH_BYTES = 4;

/** Type, length and magic cookie. */
const COOKIE_END = 8;

/** Pieces of one message are joined at this number: a peer that sends byte by byte must not cost an object a byte. */
const MAX_PIECES = 32;

export class StreamSplitter {
  #maxMessageBytes: number;
  /** What waits for the rest of its message: never more than one message. */
  #pieces: Uint8Array[] = [];
  #heldBytes = 0;
  /** Bytes without which nothing more can be said. */
  #neededBytes = LENGTH_BYTES;

  /** @param maxMessageBytes a message that says it is longer is a ProtocolError. */
  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  allowMessageBytes(maxMessageBytes: number): void {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Each whole message, as a view where it came in one piece. ChannelData keeps its padding. Throws ProtocolError when it is neither. */
  *read(bytes: Uint8Array): Generator<Uint8Array> {
    if (this.#heldBytes + bytes.length < this.#neededBytes) {
      this.#hold(bytes);
      return;
    }
    const whole = this.#heldBytes === 0 ? bytes : concat(...this.#pieces, bytes);
    this.#pieces = [];
    this.#heldBytes = 0;
    let at = 0;
    for (;;) {
      const available = whole.length - at;
      const length = this.#messageLength(whole, at, available);
      if (length === undefined || length > available) {
        this.#neededBytes = length ?? (available < LENGTH_BYTES ? LENGTH_BYTES : COOKIE_END);
        break;
      }
      yield whole.subarray(at, at + length);
      at += length;
    }
    this.#hold(whole.subarray(at));
  }

  #hold(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    // A copy: a small rest would keep a whole read buffer alive.
    this.#pieces.push(bytes.slice());
    this.#heldBytes += bytes.length;
    if (this.#pieces.length >= MAX_PIECES) this.#pieces = [concat(...this.#pieces)];
  }

  /** Undefined while too little of the header is there. */
  #messageLength(bytes: Uint8Array, at: number, available: number): number | undefined {
    if (available === 0) return undefined;
    const first = bytes[at] ?? 0;
    const isChannel = isChannelData(bytes.subarray(at, at + 1));
    if (!isChannel && first >> 6 !== 0) throw new ProtocolError(`byte 0x${first.toString(16)} begins neither STUN nor ChannelData`);
    if (available < LENGTH_BYTES) return undefined;
    const length = isChannel ? CHANNEL_HEADER_BYTES + padded(u16(bytes, at + 2)) : STUN_HEADER_BYTES + u16(bytes, at + 2);
    if (length > this.#maxMessageBytes) throw new ProtocolError(`message of ${length} bytes exceeds ${this.#maxMessageBytes}`);
    if (isChannel) return length;
    if (available < COOKIE_END) return undefined;
    if (u32(bytes, at + 4) !== MAGIC_COOKIE || length % 4 !== 0) throw new ProtocolError('neither STUN nor ChannelData');
    return length;
  }
}
