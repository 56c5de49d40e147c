/** The media processes of this server: so many at once and no more, since each takes its memory. */
import { AppError } from '../../lib/app-error.ts';
import { MediaProcess, type MediaProcessListener } from './media-process.ts';
import type { MediaTask } from './messages.ts';

export interface MediaProcessesDeps {
  readonly max: number;
}

export class MediaProcesses {
  readonly #max: number;
  readonly #running = new Set<MediaProcess>();
  #refused = 0;

  constructor({ max }: MediaProcessesDeps) {
    this.#max = max;
  }

  /** How many run, and how often there was no room for one more. */
  get counters(): { readonly running: number; readonly refused: number } {
    return { running: this.#running.size, refused: this.#refused };
  }

  /** Throws AppError `media_processes_exhausted`. */
  open(task: MediaTask, listener: MediaProcessListener): MediaProcess {
    if (this.#running.size >= this.#max) {
      this.#refused++;
      throw new AppError('media_processes_exhausted', { detail: `This server fetches and forwards as much as it may: ${this.#max} at once.` });
    }
    const process = new MediaProcess(task, listener);
    this.#running.add(process);
    void process.closed.then(() => this.#running.delete(process));
    return process;
  }
}
