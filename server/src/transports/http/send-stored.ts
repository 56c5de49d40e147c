/** Sends what lies in files, whole or a range: in pieces that the connection takes, so that a slow reader holds one of them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../../lib/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import { sendProblem } from '../../lib/problem.ts';
import { DiskReader, type StoredReader } from '../../lib/stored-files.ts';
import { CORS_HEADERS, parseRange } from './send-body.ts';

/** A run of bytes: in a file, or in memory. */
export type Extent = { readonly path: string; readonly offset: number; readonly bytes: number } | { readonly data: Uint8Array; readonly bytes: number };

export interface StoredBody {
  readonly extents: Iterable<Extent>;
  /** Of all of them. */
  readonly size: number;
  readonly contentType: string;
  readonly cacheControl: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the files; closed with the answer. Those of the disk unless given. */
  readonly reader?: StoredReader;
  readonly clock: Clock;
  readonly counters: { bytes: number };
}

/** What one answer holds of a file at a time. */
const PIECE_BYTES = 256 * 1024;

/** A connection that takes nothing for so long is cut. */
const MAX_BACKED_UP_MS = 30_000;

/** Answers GET and HEAD with 200, 206 or 416. Resolves when the answer is over, however it ended. */
export async function sendStored(req: IncomingMessage, res: ServerResponse, body: StoredBody): Promise<void> {
  const { size, contentType, cacheControl, extents } = body;
  const asked = req.headers.range;
  const range = asked === undefined ? undefined : parseRange(asked, size);
  if (range === 'unsatisfiable') {
    res.writeHead(416, { ...CORS_HEADERS, 'Content-Range': `bytes */${size}`, 'Content-Length': 0 });
    res.end();
    return;
  }
  const { from, to } = range ?? { from: 0, to: size };
  const headers = { ...CORS_HEADERS, 'Content-Type': contentType, 'Content-Length': to - from, 'Cache-Control': cacheControl, 'Accept-Ranges': 'bytes', ...body.headers };
  const begin = (): void => {
    if (range) res.writeHead(206, { ...headers, 'Content-Range': `bytes ${from}-${to - 1}/${size}` });
    else res.writeHead(200, headers);
  };
  if (req.method === 'HEAD' || size === 0) {
    begin();
    res.end();
    return;
  }
  const reader = body.reader ?? new DiskReader();
  // The answers of HTTP/2 do not say afterwards that they are closed.
  const gone = new AbortController();
  res.once('close', () => gone.abort());
  try {
    for await (const piece of piecesOf(extents, { from, to }, reader)) {
      if (!res.headersSent) begin();
      body.counters.bytes += piece.length;
      if (gone.signal.aborted || (!res.write(piece) && !(await drained(res, gone.signal, body.clock)))) return;
    }
    res.end();
  } catch (error) {
    // It was there when its address was written, and is gone: half an answer must not look whole.
    if (res.headersSent) res.destroy();
    else sendProblem(res, error instanceof AppError ? error.code : 'media_not_found');
  } finally {
    await reader.close();
  }
}

async function* piecesOf(extents: Iterable<Extent>, { from, to }: { from: number; to: number }, reader: StoredReader): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const extent of extents) {
    const start = Math.max(0, from - at);
    const end = Math.min(extent.bytes, to - at);
    at += extent.bytes;
    if (start >= end) {
      if (at >= to) return;
      continue;
    }
    for (let done = start; done < end; done += PIECE_BYTES) {
      const bytes = Math.min(PIECE_BYTES, end - done);
      yield 'data' in extent ? extent.data.subarray(done, done + bytes) : await reader.read(extent.path, extent.offset + done, bytes);
    }
  }
}

/** False when the connection is gone, or was cut for taking nothing. */
function drained(res: ServerResponse, gone: AbortSignal, clock: Clock): Promise<boolean> {
  if (res.destroyed || gone.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const settle = (isOpen: boolean): void => {
      patience.cancel();
      res.off('drain', onDrain);
      res.off('close', onClose);
      resolve(isOpen);
    };
    const onDrain = (): void => settle(true);
    const onClose = (): void => settle(false);
    const patience = clock.after(MAX_BACKED_UP_MS, () => {
      res.destroy();
      settle(false);
    });
    res.once('drain', onDrain);
    res.once('close', onClose);
  });
}
