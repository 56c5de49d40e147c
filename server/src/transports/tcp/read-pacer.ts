/**
 * Lets many sockets be read at one beat instead of whenever a few bytes arrive: waking up costs more than what a publisher
 * sends in between. What arrives meanwhile waits in the kernel and is read in one piece.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../../lib/clock.ts';

/** Less than a picture at 30 a second: what media waits at most, half of it on average. */
export const BEAT_MS = 25;

/** A read of this size means that more may be waiting: such a socket is read on, so that the beat is never a limit. */
const BUSY_BYTES = 32 * 1024;

export class ReadPacer {
  readonly #clock: Clock;
  #resting: Socket[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Call with every read, before what was read is worked on. TLS hands out a record at a time, which says nothing about what waits: it is read on. */
  rest(socket: Socket, bytesRead: number): void {
    if (bytesRead >= BUSY_BYTES || socket instanceof TLSSocket) return;
    // A paused socket still takes in some tens of kilobytes, piece by piece, and hands out one piece at a time: what is there goes on.
    if (socket.readableLength > 0) return;
    socket.pause();
    if (this.#resting.push(socket) === 1) this.#clock.after(BEAT_MS, () => this.#wake());
  }

  #wake(): void {
    const rested = this.#resting;
    this.#resting = [];
    for (const socket of rested) socket.resume();
  }
}
