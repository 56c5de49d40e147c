/** Cuts the byte stream after the handshake into messages. The bottom of the RTMP path. Source: Adobe RTMP 1.0 §5.3. */
import { concat, u24, u32 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';
import { Slabs } from '../slabs.ts';
import { type Message, MessageType } from './message.ts';

/** A key frame of 4K video stays below 4 MiB; the 24-bit length field ends at 16 MiB. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024 - 1;

/** Encoders use four to eight chunk streams. */
export const MAX_CHUNK_STREAMS = 64;

const DEFAULT_CHUNK_SIZE = 128;
const EXTENDED = 0xffffff;
const EMPTY = new Uint8Array(0);

/** Length of the message header by chunk type. */
const HEADER_BYTES = [11, 7, 3, 0];

interface ChunkStream {
  timestamp: number;
  delta: number;
  /** The extended timestamp field that type 3 chunks repeat; undefined when the last full header had none. */
  extended: number | undefined;
  length: number;
  type: number;
  streamId: number;
  /** A message has begun and is not whole. */
  isOpen: boolean;
  /** The message as far as it was copied together, when it comes in several pieces. */
  payload: Uint8Array | undefined;
  filled: number;
}

export class ChunkReader {
  readonly #streams = new Map<number, ChunkStream>();
  readonly #memory = new Slabs();
  #maxMessageBytes: number;
  #chunkSize = DEFAULT_CHUNK_SIZE;
  /** A header whose end has not arrived: at most 18 bytes. */
  #carry: Uint8Array = EMPTY;
  /** The chunk whose payload is arriving. */
  #current: ChunkStream | undefined;
  #chunkLeft = 0;
  #assembling = 0;

  /** @param maxMessageBytes the largest message, and the most that all unfinished messages together may take. */
  constructor(maxMessageBytes = MAX_MESSAGE_BYTES) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Lets a peer send larger messages once it is trusted with memory. */
  allowMessageBytes(maxMessageBytes: number): void {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /**
   * Takes the next bytes, returns the messages they complete. Chunk size and abort messages are obeyed here and not returned.
   * Messages share memory with their neighbours and not with `bytes`. Throws ProtocolError; the reader is of no use afterwards.
   */
  read(bytes: Uint8Array): Message[] {
    const messages: Message[] = [];
    const input = this.#carry.length > 0 ? concat(this.#carry, bytes) : bytes;
    this.#carry = EMPTY;
    let at = 0;
    for (;;) {
      if (this.#current) {
        at += this.#readPayload(this.#current, input, at, messages);
        if (this.#current) return messages;
      }
      if (at === input.length) return messages;
      const headerBytes = this.#readHeader(input, at);
      if (headerBytes === undefined) {
        this.#carry = input.slice(at);
        return messages;
      }
      at += headerBytes;
    }
  }

  /** Returns how many bytes the chunk's header takes, or undefined when it is not all there. */
  #readHeader(input: Uint8Array, start: number): number | undefined {
    const available = input.length - start;
    const first = input[start] ?? 0;
    const format = first >> 6;
    let id = first & 0x3f;
    let at = 1;
    if (id === 0) {
      if (available < 2) return undefined;
      id = 64 + (input[start + 1] ?? 0);
      at = 2;
    } else if (id === 1) {
      if (available < 3) return undefined;
      id = 64 + (input[start + 1] ?? 0) + (input[start + 2] ?? 0) * 256;
      at = 3;
    }
    const fields = start + at;
    at += HEADER_BYTES[format] ?? 0;
    if (available < at) return undefined;
    const known = this.#streams.get(id);
    const stream = known ?? this.#newStream(format, id);

    if (format === 3) {
      if (stream.extended !== undefined) {
        const repeated = repeats(input, start + at, stream.extended);
        if (repeated === undefined) return undefined;
        if (repeated) at += 4;
      }
      if (!stream.isOpen) stream.timestamp = (stream.timestamp + stream.delta) % 0x1_0000_0000;
    } else {
      if (stream.isOpen) throw new ProtocolError(`chunk stream ${id} begins a message before the last one is whole`);
      let time = u24(input, fields);
      const isExtended = time === EXTENDED;
      if (isExtended) {
        if (available < at + 4) return undefined;
        time = u32(input, start + at);
        at += 4;
      }
      stream.extended = isExtended ? time : undefined;
      stream.timestamp = format === 0 ? time : (stream.timestamp + time) % 0x1_0000_0000;
      // §5.3.1.2.4: a type 3 chunk after a type 0 chunk takes that chunk's timestamp for its delta.
      stream.delta = time;
      if (format <= 1) {
        stream.length = u24(input, fields + 3);
        stream.type = input[fields + 6] ?? 0;
      }
      // The one little-endian field of RTMP.
      if (format === 0) stream.streamId = u32(input.subarray(fields + 7, fields + 11).toReversed(), 0);
    }
    if (!known) this.#streams.set(id, stream);
    this.#current = stream;
    if (!stream.isOpen) this.#begin(stream);
    this.#chunkLeft = Math.min(this.#chunkSize, stream.length - stream.filled);
    return at;
  }

  #newStream(format: number, id: number): ChunkStream {
    // Old librtmp begins chunk stream 2 with type 1 after a reconnect; nothing but type 3 lacks what a message needs.
    if (format >= 2) throw new ProtocolError(`chunk stream ${id} begins with a type ${format} header`);
    if (this.#streams.size >= MAX_CHUNK_STREAMS) throw new ProtocolError(`more than ${MAX_CHUNK_STREAMS} chunk streams`);
    return { timestamp: 0, delta: 0, extended: undefined, length: 0, type: 0, streamId: 0, isOpen: false, payload: undefined, filled: 0 };
  }

  #begin(stream: ChunkStream): void {
    if (stream.length > this.#maxMessageBytes) throw new ProtocolError(`message of ${stream.length} bytes exceeds ${this.#maxMessageBytes}`);
    this.#assembling += stream.length;
    if (this.#assembling > this.#maxMessageBytes) throw new ProtocolError(`unfinished messages of ${this.#assembling} bytes exceed ${this.#maxMessageBytes}`);
    stream.isOpen = true;
    stream.filled = 0;
  }

  #readPayload(stream: ChunkStream, input: Uint8Array, at: number, messages: Message[]): number {
    const taken = Math.min(this.#chunkLeft, input.length - at);
    const isWhole = taken === stream.length;
    if (taken > 0 && !isWhole) {
      stream.payload ??= new Uint8Array(stream.length);
      stream.payload.set(input.subarray(at, at + taken), stream.filled);
    }
    stream.filled += taken;
    this.#chunkLeft -= taken;
    if (this.#chunkLeft > 0) return taken;
    this.#current = undefined;
    if (stream.filled < stream.length) return taken;
    // Only what is whole takes room beside others: an announced length is no memory yet.
    const payload = this.#memory.copy(isWhole ? input.subarray(at, at + taken) : (stream.payload ?? EMPTY));
    stream.isOpen = false;
    stream.payload = undefined;
    this.#assembling -= stream.length;
    this.#finish({ type: stream.type, streamId: stream.streamId, timestamp: stream.timestamp, payload }, messages);
    return taken;
  }

  #finish(message: Message, messages: Message[]): void {
    if (message.type === MessageType.setChunkSize) this.#setChunkSize(message.payload);
    else if (message.type === MessageType.abort) this.#abort(message.payload);
    else messages.push(message);
  }

  #setChunkSize(payload: Uint8Array): void {
    const size = u32(payload, 0);
    // §5.4.1: the first bit is zero, the size at least 1. Sizes above the largest message mean the same as it.
    if (payload.length < 4 || size === 0 || size > 0x7fff_ffff) throw new ProtocolError(`chunk size ${size} is not between 1 and ${0x7fff_ffff}`);
    this.#chunkSize = size;
  }

  #abort(payload: Uint8Array): void {
    if (payload.length < 4) throw new ProtocolError('abort message lacks its chunk stream');
    const stream = this.#streams.get(u32(payload, 0));
    if (!stream?.isOpen) return;
    this.#assembling -= stream.length;
    stream.isOpen = false;
    stream.payload = undefined;
  }
}

/**
 * Whether a type 3 chunk repeats the extended timestamp, which some encoders leave out: the bytes tell, and those that differ
 * decide before all four are there. Undefined: more bytes are needed.
 */
function repeats(input: Uint8Array, at: number, extended: number): boolean | undefined {
  for (let i = 0; i < 4; i++) {
    const byte = input[at + i];
    if (byte === undefined) return undefined;
    if (byte !== ((extended >>> (24 - 8 * i)) & 0xff)) return false;
  }
  return true;
}
