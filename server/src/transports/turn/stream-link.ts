/** A client over TCP or TLS: messages cut out of the stream, relayed bytes dropped while it reads too slowly, the connection ended when nothing comes of it. */
import type { Socket } from 'node:net';
import type { TransportAddress } from '@millrace/media/stun/address';
import { StreamSplitter } from '@millrace/media/stun/stream-splitter';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { ClientLink } from './client-link.ts';

/** What a stranger's message may have: credentials fit several times. */
const MAX_STRANGER_MESSAGE_BYTES = 2_048;

/** Once it has a relay: the largest that UDP carries, in a Send indication. */
const MAX_MESSAGE_BYTES = 66_000;

/** A connection without a relay is closed when this long no whole message came on it; a TLS handshake counts. */
export const IDLE_MS = 20_000;

/** What may wait for a slow client: nearly a second of video. Beyond it media is dropped, which it repairs as on any lossy path. */
const MAX_UNSENT_BYTES = 256 * 1024;

/** Answers come on top; a client that reads none of them is gone. */
const MAX_UNSENT_ANSWER_BYTES = 2 * MAX_UNSENT_BYTES;

/** A full connection on which nothing moves for this long is dead. */
const STALL_MS = 10_000;

export interface StreamLinkDeps {
  readonly clock: Clock;
  /** Throws ProtocolError when the peer does not speak TURN. */
  handle(message: Uint8Array, link: ClientLink): void;
  hasAllocation(linkKey: string): boolean;
  /** Why it ended, when the peer broke the protocol. */
  ended(link: StreamLink, error?: unknown): void;
}

export class StreamLink implements ClientLink {
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly transport: 'tcp' | 'tls';
  readonly key: string;
  readonly remote: TransportAddress;
  readonly remoteAddress: string;
  readonly localAddress: string | undefined;
  readonly #socket: Socket;
  readonly #deps: StreamLinkDeps;
  readonly #splitter = new StreamSplitter(MAX_STRANGER_MESSAGE_BYTES);
  #idle: Timer;
  #stall: Timer | undefined;

  constructor(socket: Socket, names: Pick<ClientLink, 'key' | 'remote' | 'remoteAddress' | 'localAddress'> & { readonly transport: 'tcp' | 'tls' }, deps: StreamLinkDeps) {
    this.transport = names.transport;
    this.key = names.key;
    this.remote = names.remote;
    this.remoteAddress = names.remoteAddress;
    this.localAddress = names.localAddress;
    this.#socket = socket;
    this.#deps = deps;
    this.#idle = deps.clock.after(IDLE_MS, () => this.#whenIdle());
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    // An error ends in 'close', which is what is acted on.
    socket.on('error', () => {});
    socket.once('end', () => socket.destroy());
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#ended();
        resolve();
      });
    });
    // Whoever accepted it may have paused it to look at its first bytes.
    socket.resume();
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  send(message: Uint8Array): void {
    if (this.#socket.writableLength > MAX_UNSENT_ANSWER_BYTES) this.close();
    else this.#write([message]);
  }

  relay(pieces: readonly Uint8Array[]): boolean {
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) {
      this.#stall ??= this.#watchStall();
      return false;
    }
    this.#write(pieces);
    return true;
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(pieces: readonly Uint8Array[]): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    // One system call and one TLS record for all of them.
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
  }

  #read(bytes: Uint8Array): void {
    try {
      if (this.#deps.hasAllocation(this.key)) this.#splitter.allowMessageBytes(MAX_MESSAGE_BYTES);
      for (const message of this.#splitter.read(bytes)) {
        this.#deps.handle(message, this);
        this.#restartIdle();
        if (this.#socket.destroyed) return;
      }
    } catch (error) {
      this.#deps.ended(this, error);
      this.close();
    }
  }

  #restartIdle(): void {
    if (this.#deps.hasAllocation(this.key)) return;
    this.#idle.cancel();
    this.#idle = this.#deps.clock.after(IDLE_MS, () => this.#whenIdle());
  }

  /** With a relay a silent connection is in order: its lifetime is what ends it. */
  #whenIdle(): void {
    if (!this.#deps.hasAllocation(this.key)) {
      this.close();
      return;
    }
    this.#idle = this.#deps.clock.after(IDLE_MS, () => this.#whenIdle());
  }

  #watchStall(): Timer {
    const before = this.#sentBytes;
    return this.#deps.clock.after(STALL_MS, () => {
      this.#stall = undefined;
      if (this.#sentBytes === before) this.close();
    });
  }

  /** What the system has taken. */
  get #sentBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  #ended(): void {
    this.#idle.cancel();
    this.#stall?.cancel();
    this.#deps.ended(this);
  }
}
