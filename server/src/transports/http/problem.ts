/** A failure as bytes, where no framework stands between: RFC 9457 problem details with a code from the registry. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Problem } from '@millrace/contract/entities/problem';
import { ERRORS, type ErrorCode } from '@millrace/contract/errors';
import { API_PREFIX } from '@millrace/contract/protocol';

export function problemOf(code: ErrorCode, detail?: string): Problem {
  const { status, title } = ERRORS[code];
  return { type: `${API_PREFIX}/errors#${code}`, title, status, code, ...(detail !== undefined && { detail }) };
}

/** Answers with a problem when nothing was sent yet; else cuts the answer off, so that nobody takes it for whole. */
export function sendProblem(request: IncomingMessage, response: ServerResponse, code: ErrorCode, detail?: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify(problemOf(code, detail));
  response.writeHead(ERRORS[code].status, { 'content-type': 'application/problem+json', 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Refuses a WebSocket before it is one. */
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
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
