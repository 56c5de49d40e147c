/** For tests: a hub with one stream that is fetched, and what reached it. */
import { execFile } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { promisify } from 'node:util';
import { expect, vi } from 'vitest';
import { LoopbackTls } from '../../../certificates/loopback-tls.ts';
import { AppError } from '../../../lib/app-error.ts';
import { type Clock, systemClock } from '../../../lib/clock.ts';
import { PublicAddresses } from '../../../lib/public-address.ts';
import { quietLog } from '../../../lib/testing/quiet-log.ts';
import { Hub } from '../../../stream/hub.ts';
import { RecordingSink } from '../../../stream/testing/source.ts';
import { MediaProcesses } from '../../../transports/ffmpeg/media-processes.ts';
import { PullIngest } from '../pull-ingest.ts';
import type { PullSource } from '../source.ts';

const run = promisify(execFile);

export interface StandOptions {
  readonly mode?: PullSource['mode'];
  readonly allowPrivate?: boolean;
  /** A host that may not be connected to, whatever else may. */
  readonly forbidden?: string;
  readonly authorities?: readonly string[];
  readonly mediaDir?: string;
  readonly maxProcesses?: number;
  readonly clock?: Clock;
  /** How the source of a stream is read; else it is `source`. */
  readonly of?: () => Promise<PullSource | undefined>;
}

/** What `encodeLoop` makes. */
export const H264_AAC = [
  { kind: 'video', codec: 'h264', width: 320, height: 180, timescale: 90_000 },
  { kind: 'audio', codec: 'aac' },
];

/** Two seconds as `loop.mp4`, two minutes as `long.ts`. */
export async function encodeLoop(folder: string): Promise<void> {
  const input = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-t', '2'];
  const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '30', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  await run('ffmpeg', ['-v', 'error', ...input, ...encode, join(folder, 'loop.mp4')]);
  await run('ffmpeg', ['-v', 'error', '-stream_loop', '60', '-i', join(folder, 'loop.mp4'), '-c', 'copy', join(folder, 'long.ts')]);
}

/** A hub with one stream `a` that is fetched. */
export class PullStand implements Disposable {
  readonly sinks: RecordingSink[] = [];
  readonly log = quietLog();
  readonly hub: Hub;
  readonly pull: PullIngest;
  readonly processes: MediaProcesses;
  isWatched = false;
  source: PullSource | undefined;

  constructor(
    url: string,
    { mode = 'always', allowPrivate = true, forbidden = '', authorities = [], mediaDir, maxProcesses = 4, clock = systemClock, of = async () => this.source }: StandOptions = {},
  ) {
    this.source = { streamId: 'a', url, mode };
    this.processes = new MediaProcesses({ max: maxProcesses });
    let ids = 0;
    const addresses = new PublicAddresses({ allowPrivate, isOwnAddress: () => false });
    this.hub = new Hub({
      clock,
      reconnectGraceMs: 60_000,
      listener: { broadcastChanged: () => {} },
      newId: () => `id${++ids}`,
      makeSinks: () => {
        const sink = new RecordingSink();
        this.sinks.push(sink);
        return [sink];
      },
    });
    this.pull = new PullIngest({
      hub: this.hub,
      clock,
      log: this.log,
      addresses: {
        lookup: addresses.lookup,
        async resolvePublic(host, signal) {
          if (host === forbidden) throw new AppError('address_not_allowed', { detail: `${host} is not allowed here.` });
          return addresses.resolvePublic(host, signal);
        },
      },
      farTls: createSecureContext({ ca: [...authorities] }),
      nearTls: new LoopbackTls({ clock: systemClock }),
      processes: this.processes,
      mediaDir,
      sources: { mine: async () => (this.source ? [this.source] : []), of, startOf: async () => 'auto' },
      isWatched: () => this.isWatched,
    });
  }

  get told() {
    return this.sinks.flatMap((sink) => sink.told);
  }

  get formats() {
    return this.told.flatMap((item) => (item.type === 'tracks' ? [item.tracks] : []));
  }

  of(track: number) {
    return this.told.flatMap((item) => (item.type === 'unit' && item.unit.track === track ? [item.unit] : []));
  }

  async until(isSo: () => boolean): Promise<void> {
    await vi.waitFor(() => expect([isSo(), this.pull.status('a')]).toMatchObject([true, {}]), { timeout: 40_000, interval: 20 });
  }

  /** Waits until there are so many pictures and some sound. */
  async pictures(count: number): Promise<void> {
    await this.pull.start();
    await this.until(() => this.of(1).length >= count && this.of(2).length > 20);
    expect(this.pull.status('a')).toEqual({ state: 'running', problem: null, error: null, retryAt: null });
  }

  /** Waits until it has failed, and says how. */
  async failure(): Promise<{ readonly problem: string | null; readonly error: string | null }> {
    await this.pull.start();
    await this.until(() => this.pull.status('a').state === 'waiting');
    const { problem, error } = this.pull.status('a');
    return { problem, error };
  }

  [Symbol.dispose](): void {
    this.pull.close();
    for (const stream of [...this.hub.running()]) stream.end('server_stopped');
  }
}

export function portOf(address: string | AddressInfo | null): number {
  return typeof address === 'object' && address ? address.port : 0;
}
