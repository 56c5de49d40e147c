/** Looks at the first byte that a connection sends, and leaves it there for whoever reads it. */
import type { Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';

/** Clients speak first, right after the handshake. */
const SILENT_MS = 20_000;

/** Calls back once, unless the connection ends or stays silent before: then there is nobody to serve, and it is destroyed. */
export function peekFirstByte(socket: Socket, clock: Clock, seen: (byte: number) => void): void {
  // Whatever breaks ends in 'close', which is what is acted on.
  socket.on('error', () => {});
  const silent = clock.after(SILENT_MS, () => socket.destroy());
  socket.once('close', () => silent.cancel());
  const look = (): void => {
    const bytes: unknown = socket.read();
    if (!Buffer.isBuffer(bytes)) return;
    const [byte] = bytes;
    if (byte === undefined) return;
    socket.off('readable', look);
    silent.cancel();
    socket.unshift(bytes);
    seen(byte);
  };
  socket.on('readable', look);
  socket.once('end', () => socket.destroy());
}
