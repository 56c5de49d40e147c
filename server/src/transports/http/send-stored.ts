/** Sends what lies in files, whole or a range: in pieces that the connection takes, so that a slow reader holds one of them. */
import { type FileHandle, open } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { sendProblem } from '../../lib/problem.ts';
import { CORS_HEADERS, parseRange } from './send-body.ts';

/** A run of bytes: in a file, or in memory. */
export type Extent = { readonly path: string; readonly offset: number; readonly bytes: number } | { readonly data: Uint8Array; readonly bytes: number };

export interface StoredBody {
  readonly extents: readonly Extent[];
  /** Of all of them. */
  readonly size: number;
  readonly contentType: string;
  readonly cacheControl: string;
  readonly headers?: Readonly<Record<string, string>>;
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
  const files = new FileReader();
  try {
    for await (const piece of piecesOf(extents, { from, to }, files)) {
      if (!res.headersSent) begin();
      body.counters.bytes += piece.length;
      if (!res.write(piece) && !(await drained(res, body.clock))) return;
    }
    res.end();
  } catch {
    // It was there when its address was written, and is gone: half an answer must not look whole.
    if (res.headersSent) res.destroy();
    else sendProblem(res, 'media_not_found');
  } finally {
    await files.close();
  }
}

async function* piecesOf(extents: readonly Extent[], { from, to }: { from: number; to: number }, files: FileReader): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const extent of extents) {
    const start = Math.max(0, from - at);
    const end = Math.min(extent.bytes, to - at);
    at += extent.bytes;
    if (start >= end) {
      if (at >= to) return;
      continue;
    }
    if ('data' in extent) yield extent.data.subarray(start, end);
    else for (let done = start; done < end; done += PIECE_BYTES) yield await files.read(extent.path, extent.offset + done, Math.min(PIECE_BYTES, end - done));
  }
}

/** One file is open at a time. */
class FileReader {
  #path: string | undefined;
  #handle: FileHandle | undefined;

  async read(path: string, offset: number, bytes: number): Promise<Uint8Array> {
    if (this.#path !== path) {
      await this.close();
      this.#handle = await open(path, 'r');
      this.#path = path;
    }
    const piece = Buffer.allocUnsafeSlow(bytes);
    let done = 0;
    while (done < bytes) {
      const { bytesRead } = (await this.#handle?.read(piece, done, bytes - done, offset + done)) ?? { bytesRead: 0 };
      if (bytesRead === 0) throw new Error(`${path} ends at ${offset + done}, ${bytes} bytes at ${offset} were expected`);
      done += bytesRead;
    }
    return piece;
  }

  async close(): Promise<void> {
    this.#path = undefined;
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

/** False when the connection is gone, or was cut for taking nothing. */
function drained(res: ServerResponse, clock: Clock): Promise<boolean> {
  if (res.destroyed) return Promise.resolve(false);
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
