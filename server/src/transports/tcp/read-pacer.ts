/**
 * Lets many sockets be read at one beat instead of whenever a few bytes arrive: waking up costs more than what a publisher
 * sends in between. What arrives meanwhile waits in the kernel and is read in one piece.
 */
import type { Socket } from 'node:net';

/** Less than a picture lasts at 30 a second: what media waits at most, half of it on average. */
const BEAT_MS = 30;

/** What media waits at most that nobody sees. A whole number of them makes a second, so that what is counted each second stays even. */
const LONG_BEAT_MS = 100;

/** A read of this size means that more may be waiting: such a socket is read on, so that the beat is never a limit. */
const BUSY_BYTES = 32 * 1024;

/** The same of a long beat, and more than this is not left to one: the kernel holds 64 KiB at first. */
const LONG_BUSY_BYTES = 48 * 1024;

/** What lies under a socket. `pause` does not reach it: a paused socket goes on reading until its buffer is full. */
interface Handle {
  readStart(): unknown;
  readStop(): unknown;
}

export class ReadPacer {
  /** By when their rest is over. */
  readonly #resting = new Map<number, Socket[]>();
  /** How long the last rest of each socket was to be, milliseconds; none for those that were read on. */
  readonly #rests = new WeakMap<Socket, number>();

  /**
   * Call with every read of a plain TCP socket. Where Node does not show the handle, the socket is read as ever.
   * @param isSeen false: nobody sees what comes until later, and it may wait for a long beat.
   */
  rest(socket: Socket, bytesRead: number, isSeen: boolean): void {
    const last = this.#rests.get(socket);
    this.#rests.delete(socket);
    const handle = bytesRead < (last === LONG_BEAT_MS ? LONG_BUSY_BYTES : BUSY_BYTES) ? handleOf(socket) : undefined;
    if (!handle) return;
    handle.readStop();
    const isSlow = last !== undefined && (bytesRead / last) * LONG_BEAT_MS < LONG_BUSY_BYTES;
    const restMs = isSlow && !isSeen ? LONG_BEAT_MS : BEAT_MS;
    this.#rests.set(socket, restMs);
    // Not the server's clock: this is how input is read, and nothing is told by it.
    const now = performance.now();
    this.#restUntil((Math.floor(now / restMs) + 1) * restMs, now, socket);
  }

  #restUntil(end: number, now: number, socket: Socket): void {
    const others = this.#resting.get(end);
    if (others) {
      others.push(socket);
      return;
    }
    this.#resting.set(end, [socket]);
    setTimeout(() => this.#wake(end), end - now).unref();
  }

  #wake(end: number): void {
    const rested = this.#resting.get(end) ?? [];
    this.#resting.delete(end);
    // A socket that was closed meanwhile has no handle any more; one that was paused is started by whoever resumes it.
    for (const socket of rested) if (!socket.isPaused()) handleOf(socket)?.readStart();
  }
}

/** Undefined for TLS, which hands out a record at a time and says nothing of what waits. */
function handleOf(socket: Socket): Handle | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  return isHandle(handle) && handle.constructor.name === 'TCP' ? handle : undefined;
}

function isHandle(value: unknown): value is Handle {
  return typeof value === 'object' && value !== null && 'readStart' in value && 'readStop' in value;
}
