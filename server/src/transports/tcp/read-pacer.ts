/**
 * Lets many sockets be read at one beat instead of whenever a few bytes arrive: waking up costs more than what a publisher
 * sends in between. What arrives meanwhile waits in the kernel and is read in one piece.
 */
import type { Socket } from 'node:net';

/** Less than a picture lasts at 30 a second: what media waits at most, half of it on average. */
const BEAT_MS = 30;

/** A read of this size means that more may be waiting: such a socket is read on, so that the beat is never a limit. */
const BUSY_BYTES = 32 * 1024;

/** What lies under a socket. `pause` does not reach it: a paused socket goes on reading until its buffer is full. */
interface Handle {
  readStart(): unknown;
  readStop(): unknown;
}

export class ReadPacer {
  #resting: Socket[] = [];

  /** Call with every read of a plain TCP socket. Where Node does not show the handle, the socket is read as ever. */
  rest(socket: Socket, bytesRead: number): void {
    if (bytesRead >= BUSY_BYTES) return;
    const handle = handleOf(socket);
    if (!handle) return;
    handle.readStop();
    // Not the server's clock: this is how input is read, and nothing is told by it.
    if (this.#resting.push(socket) === 1) setTimeout(() => this.#wake(), BEAT_MS).unref();
  }

  #wake(): void {
    const rested = this.#resting;
    this.#resting = [];
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
