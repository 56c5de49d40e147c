/** A text that many ask for at once: a playlist, a manifest. Made and compressed once, and sent to all of them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { CORS_HEADERS } from './send-body.ts';
import { WORTH_COMPRESSING } from './send-text.ts';

export class SharedText {
  readonly plain: Uint8Array;
  #gzipped: Uint8Array | undefined;

  constructor(text: string) {
    this.plain = Buffer.from(text);
  }

  /** The compressed text; the plain one where that is not worth it. */
  get gzipped(): Uint8Array {
    this.#gzipped ??= this.plain.length < WORTH_COMPRESSING ? this.plain : gzipSync(this.plain, { level: 4 });
    return this.#gzipped;
  }
}

export interface TextKind {
  readonly contentType: string;
  readonly cacheControl: string;
}

/** Answers GET and HEAD. Returns the number of bytes of text sent. */
export function sendSharedText(req: IncomingMessage, res: ServerResponse, text: SharedText, { contentType, cacheControl }: TextKind): number {
  const accepted = String(req.headers['accept-encoding'] ?? '').includes('gzip');
  const body = accepted ? text.gzipped : text.plain;
  const encoding = body === text.plain ? {} : { 'Content-Encoding': 'gzip' };
  res.writeHead(200, { ...CORS_HEADERS, 'Content-Type': contentType, 'Content-Length': body.length, 'Cache-Control': cacheControl, Vary: 'Accept-Encoding', ...encoding });
  res.end(req.method === 'HEAD' ? undefined : body);
  return req.method === 'HEAD' ? 0 : body.length;
}
