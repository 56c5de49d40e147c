/** Who asks, for limits and logs. */
import type { IncomingMessage } from 'node:http';

/** The peer of a request, or what a trusted proxy saw as its peer. */
export function remoteAddressOf(request: IncomingMessage, trustProxy: boolean): string {
  const forwarded = trustProxy ? request.headers['x-forwarded-for'] : undefined;
  const list = typeof forwarded === 'string' ? forwarded : forwarded?.join(',');
  // A proxy appends: only the last entry is its own word.
  return list?.split(',').at(-1)?.trim() || (request.socket.remoteAddress ?? 'unknown');
}
