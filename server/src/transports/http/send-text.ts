/** Sends a text that is made for whoever asks: the playlists and the cues of a recording; compressed where that is worth it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { ASKED_ANEW, CORS_HEADERS, PRIVATE_ASKED_ANEW } from './send-body.ts';

/** Below this, compressing costs more than it saves: the text fits one packet. */
export const WORTH_COMPRESSING = 1400;

const compress = promisify(gzip);

export interface TextBody {
  readonly text: string;
  readonly contentType: string;
  /** Whether the answer may rest on who asks. */
  readonly personal: boolean;
  readonly counters: { bytes: number };
}

/** Answers GET and HEAD. */
export async function sendText(req: IncomingMessage, res: ServerResponse, { text, contentType, personal, counters }: TextBody): Promise<void> {
  const isCompressed = text.length >= WORTH_COMPRESSING && String(req.headers['accept-encoding'] ?? '').includes('gzip');
  const body = isCompressed ? await compress(text) : Buffer.from(text);
  res.writeHead(200, {
    ...CORS_HEADERS,
    'Content-Type': contentType,
    'Content-Length': body.length,
    // Whoever may watch it can change.
    'Cache-Control': personal ? PRIVATE_ASKED_ANEW : ASKED_ANEW,
    Vary: 'Accept-Encoding',
    ...(isCompressed ? { 'Content-Encoding': 'gzip' } : {}),
  });
  if (req.method !== 'HEAD') counters.bytes += body.length;
  res.end(req.method === 'HEAD' ? undefined : body);
}
