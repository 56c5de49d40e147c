/** RTMP on a socket: handshake, chunks, acknowledgements and pings. The session above sees messages. */
import { createHmac, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { u32 } from '@millrace/media/big-endian';
import { ProtocolError } from '@millrace/media/protocol-error';
import { ChunkReader, MAX_MESSAGE_BYTES } from '@millrace/media/rtmp/chunk-reader';
import { ChunkWriter } from '@millrace/media/rtmp/chunk-writer';
import { acknowledgement, pingReply } from '@millrace/media/rtmp/control';
import { ServerHandshake } from '@millrace/media/rtmp/handshake';
import { type Message, MessageType } from '@millrace/media/rtmp/message';
import type { Clock } from '../../lib/clock.ts';
import type { ReadPacer } from '../../transports/tcp/read-pacer.ts';

/** What a stranger may send before it is known: the handshake and a few commands take 5 KiB. */
const MAX_STRANGER_MESSAGE_BYTES = 16 * 1024;
const MAX_STRANGER_BYTES = 128 * 1024;

/** Answers that a peer does not read. */
const MAX_UNSENT_BYTES = 256 * 1024;

const DEFAULT_WINDOW = 2_500_000;
/** Encoders that follow the server send a whole picture in one chunk then, which is never copied together. SRS has used this size for years. */
const OUT_CHUNK_SIZE = 60_000;

/** Fewer bytes than this in the time a peer has to show life are a trickle, not a slow uplink. */
const PROGRESS_BYTES = 4096;

/** How long the last words may take to arrive. */
const LINGER_MS = 1_000;

/** When what arrives must be read: as it arrives, at the next beat, or at a long beat. */
export type Haste = 'at-once' | 'soon' | 'later';

/** Why nothing more comes: the peer closed properly, its connection broke, or it was ended from here. */
export type ConnectionEnd = { readonly how: 'ended' | 'broken' | 'closed' } | { readonly how: 'failed'; readonly error: Error };

export class RtmpConnection {
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #pacer: ReadPacer;
  readonly #reader = new ChunkReader(MAX_STRANGER_MESSAGE_BYTES);
  readonly #writer = new ChunkWriter();
  #handshake: ServerHandshake | undefined = new ServerHandshake({
    hmacSha256: (key, data) => createHmac('sha256', key).update(data).digest(),
    randomBytes,
  });
  #queue: Message[] = [];
  #take: ((message: Message) => void) | undefined;
  #haste: () => Haste = () => 'at-once';
  #wake: (() => void) | undefined;
  #end: ConnectionEnd | undefined;
  #isTrusted = false;
  #received = 0;
  #acknowledged = 0;
  #window = DEFAULT_WINDOW;
  #progressBytes = 0;
  #progressAt: number;
  #messages = 0;

  /** @param pacer sets the beat at which a publisher's media is read. */
  constructor(socket: Socket, clock: Clock, pacer: ReadPacer) {
    this.#socket = socket;
    this.#clock = clock;
    this.#pacer = pacer;
    this.#progressAt = clock.monotonic();
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve());
    });
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.once('end', () => this.#finish({ how: 'ended' }));
    socket.once('error', () => this.#finish({ how: 'broken' }));
    socket.once('close', () => this.#finish({ how: 'broken' }));
  }

  get bytesReceived(): number {
    return this.#received;
  }

  /** Milliseconds since the peer last sent something that counts. */
  get silentMs(): number {
    return this.#clock.monotonic() - this.#progressAt;
  }

  /** The next message but for control messages; undefined when none comes any more. The socket rests between calls. */
  async next(): Promise<Message | undefined> {
    while (this.#queue.length === 0 && !this.#end) {
      this.#socket.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#queue.shift();
  }

  /** Why it ended, undefined while it has not. */
  get end(): ConnectionEnd | undefined {
    return this.#end;
  }

  /** The peer is known: it may send media. */
  trust(): void {
    this.#isTrusted = true;
    this.#reader.allowMessageBytes(MAX_MESSAGE_BYTES);
  }

  /**
   * Hands over every message as it arrives, until the end. What `take` throws ends the connection.
   * @param haste of what arrives now.
   */
  async pump(take: (message: Message) => void, haste: () => Haste): Promise<ConnectionEnd> {
    this.#take = take;
    this.#haste = haste;
    const waiting = this.#queue;
    this.#queue = [];
    this.#guard(() => {
      for (const message of waiting) if (!this.#end) take(message);
    });
    while (!this.#end) {
      this.#socket.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#end;
  }

  send(...messages: readonly Message[]): void {
    for (const message of messages) this.#write(this.#writer.write(message.type <= MessageType.setPeerBandwidth ? 2 : 3, message));
  }

  /** Tells the peer to expect larger chunks. */
  enlargeChunks(): void {
    this.#write(this.#writer.setChunkSize(OUT_CHUNK_SIZE));
  }

  /** Ends it as a fault of the peer. */
  fail(error: Error): void {
    this.#finish({ how: 'failed', error });
  }

  /** Ends it from here. What was sent still arrives: a socket closed with unread bytes would throw it away. */
  close(): void {
    this.#finish({ how: 'closed' });
    this.#queue = [];
    if (this.#socket.destroyed) return;
    this.#socket.end();
    this.#socket.resume();
    const linger = this.#clock.after(LINGER_MS, () => this.#socket.destroy());
    this.#socket.once('close', () => linger.cancel());
  }

  #read(bytes: Uint8Array): void {
    if (this.#end) return;
    const haste = this.#haste();
    if (haste !== 'at-once') this.#pacer.rest(this.#socket, bytes.length, haste === 'soon');
    this.#guard(() => {
      this.#received += bytes.length;
      if (!this.#isTrusted && this.#received > MAX_STRANGER_BYTES) throw new ProtocolError(`more than ${MAX_STRANGER_BYTES} bytes before publishing`);
      const rest = this.#handshake ? this.#shakeHands(this.#handshake, bytes) : bytes;
      if (rest) for (const message of this.#reader.read(rest)) this.#accept(message);
      this.#acknowledge();
      this.#noteProgress(bytes.length);
    });
  }

  #shakeHands(handshake: ServerHandshake, bytes: Uint8Array): Uint8Array | undefined {
    const { reply, rest } = handshake.read(bytes);
    if (reply) this.#write(reply);
    if (rest) this.#handshake = undefined;
    return rest;
  }

  #accept(message: Message): void {
    if (this.#end) return;
    this.#messages++;
    switch (message.type) {
      case MessageType.windowAcknowledgementSize:
        this.#window = Math.max(1, u32(message.payload, 0));
        return;
      case MessageType.acknowledgement:
      case MessageType.setPeerBandwidth:
        return;
      case MessageType.userControl: {
        const reply = pingReply(message);
        if (reply) this.send(reply);
        return;
      }
    }
    if (this.#take) {
      this.#take(message);
      return;
    }
    this.#queue.push(message);
    this.#socket.pause();
    this.#wake?.();
  }

  #acknowledge(): void {
    if (this.#received - this.#acknowledged < this.#window) return;
    this.#acknowledged = this.#received;
    this.send(acknowledgement(this.#received % 0x1_0000_0000));
  }

  #noteProgress(bytes: number): void {
    this.#progressBytes += bytes;
    if (this.#messages === 0 && this.#progressBytes < PROGRESS_BYTES) return;
    this.#messages = 0;
    this.#progressBytes = 0;
    this.#progressAt = this.#clock.monotonic();
  }

  #write(bytes: Uint8Array): void {
    if (this.#socket.writableEnded || this.#socket.destroyed) return;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) this.fail(new ProtocolError(`peer leaves more than ${MAX_UNSENT_BYTES} bytes unread`));
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #finish(end: ConnectionEnd): void {
    this.#end ??= end;
    this.#wake?.();
  }
}
