/** Refuses a WebSocket before it is one, with a problem document. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { ERRORS, type ErrorCode } from '@millrace/contract/errors';
import { problemOf } from '../../lib/problem.ts';

export function refuseUpgrade(socket: Duplex, code: ErrorCode, detail?: string): void {
  const { status } = ERRORS[code];
  const body = JSON.stringify(problemOf(code, detail));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'connection: close',
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
  ];
  // A client that never closes would keep it.
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
