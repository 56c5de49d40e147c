/** Pictures of key frames, made by the workers: puts together what comes of each. */
import type { VideoTrack } from '@millrace/media/track';
import { POSTER_OUTPUT, SHEET_BLOCK } from './job.ts';
import type { WorkerPool } from './pool.ts';
import type { WireUnit } from './wire.ts';
import type { JobLoss } from './worker-process.ts';

interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface PictureListener {
  made(pictures: { readonly poster: Uint8Array; readonly sheet: Uint8Array; readonly place: Place; readonly isFirst: boolean }): void;
  lost(why: string): void;
}

export class PictureJobs {
  readonly #pool: WorkerPool;

  constructor(pool: WorkerPool) {
    this.#pool = pool;
  }

  open(source: VideoTrack, listener: PictureListener, alone: boolean): { make(keyFrame: WireUnit): void; close(): void } {
    let tile = { width: 0, height: 0 };
    let count = 0;
    let poster: Uint8Array | undefined;
    const job = this.#pool.open({
      spec: { kind: 'picture', source },
      alone,
      listener: {
        format({ width, height }) {
          tile = { width, height };
          count = 0;
        },
        unit({ data }, output) {
          if (output === POSTER_OUTPUT) {
            poster = data;
            return;
          }
          if (!poster) return;
          const place = { x: 0, y: count * Math.ceil(tile.height / SHEET_BLOCK) * SHEET_BLOCK, ...tile };
          const isFirst = count++ === 0;
          listener.made({ poster, sheet: data, place, isFirst });
          poster = undefined;
        },
        lost: (why: JobLoss, detail: string) => listener.lost(`${why}: ${detail}`),
      },
    });
    return {
      make: (keyFrame) => job.send(keyFrame),
      close: () => {
        job.close();
        this.#pool.settle();
      },
    };
  }
}
