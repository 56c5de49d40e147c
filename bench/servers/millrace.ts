/** Millrace itself, as `npm start` runs it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_LIVE_STREAMS_PER_GUEST } from '@millrace/contract/limits';
import { Owner } from '../../e2e/harness/api.ts';
import { ROOT } from '../../e2e/harness/folder.ts';
import { startServer } from '../../e2e/harness/server.ts';
import type { BenchServerKind } from './bench-server.ts';

export const MILLRACE = {
  name: 'Millrace',
  job: 'LL-HLS and DASH, parts of 200 ms, in memory',
  /** @param memoryBytes as on a machine of so much. */
  async start(memoryBytes?: number) {
    // None of the others makes smaller pictures.
    const server = await startServer({ env: { LOG_LEVEL: 'warn', LADDER: 'off' }, ...(memoryBytes === undefined ? {} : { memoryBytes }) });
    const owners = new OwnerPool(server.http);
    return {
      name: 'Millrace',
      version: JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version,
      pid: server.child.pid,
      startMs: server.startMs,
      http: server.http,
      async addStream() {
        const { stream, streamKey } = await (await owners.next()).create({ title: 'Bench' });
        return {
          publishUrl: `${server.rtmp}/${streamKey}`,
          hlsUrl: `${server.http}/hls/${stream.id}/index.m3u8`,
          whepUrl: `${server.http}/whep/${stream.id}`,
          whip: { url: `${server.http}/whip/${stream.id}`, token: streamKey },
        };
      },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
} as const satisfies BenchServerKind;

/** Hands out guests that may each publish one more broadcast. */
class OwnerPool {
  readonly #http: string;
  #owner: Owner | undefined;
  #used = 0;

  constructor(http: string) {
    this.#http = http;
  }

  async next(): Promise<Owner> {
    if (!this.#owner || this.#used >= MAX_LIVE_STREAMS_PER_GUEST) {
      this.#owner = await Owner.guest(this.#http);
      this.#used = 0;
    }
    this.#used++;
    return this.#owner;
  }
}
