/** Removes what object storage has as well from this machine: when its time is over, or when room is needed. Never what exists only here. */
import { AppError } from '../lib/app-error.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { errorCodeOf } from '../lib/start-error.ts';
import type { StoredFiles } from '../lib/stored-files.ts';
import type { RecordingStore, StoredRecording } from '../store/recordings.ts';

export interface LocalCopiesDeps {
  readonly recordings: Pick<RecordingStore, 'copies' | 'setElsewhere'>;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a copy stays after its upload; infinity: as long as there is room. */
  readonly keepMs: number;
  filesOf(id: string): StoredFiles;
  /** What of these files is not in object storage now, as large as here. */
  missing(id: string, files: ReadonlyMap<string, number>): Promise<string[]>;
  /** Uploads these once more. */
  uploadAgain(id: string, paths: readonly string[]): Promise<void>;
  removeFolder(id: string): Promise<void>;
}

/** How often it is looked for copies whose time is over. */
const SWEEP_MS = 10 * 60_000;

/** Asked of the database in one go. */
const AT_ONCE = 20;

export class LocalCopies {
  readonly #deps: LocalCopiesDeps;
  #timer: Timer | undefined;
  /** One at a time, whoever asked. */
  #working: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(deps: LocalCopiesDeps) {
    this.#deps = deps;
  }

  start(): void {
    if (!Number.isFinite(this.#deps.keepMs)) return;
    this.#timer = this.#deps.clock.every(SWEEP_MS, () => void this.sweep());
    void this.sweep();
  }

  /** Begins no more. Does not wait for a store that hangs: whatever is cut off is done again, or looked at, later. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** Removes the copies whose time is over. */
  sweep(): Promise<void> {
    const { keepMs, clock } = this.#deps;
    return this.#oneAtATime(async () => {
      if (Number.isFinite(keepMs)) await this.#removeSome(new Date(clock.now() - keepMs), Number.POSITIVE_INFINITY);
    });
  }

  /** Removes the copy that has been in object storage the longest. False: there is none that can go now. */
  async makeRoom(): Promise<boolean> {
    let removed = 0;
    await this.#oneAtATime(async () => {
      removed = await this.#removeSome(new Date(this.#deps.clock.now()), 1);
    });
    return removed > 0;
  }

  /** Returns how many. Rejects when it cannot be learnt what is in object storage. */
  async #removeSome(until: Date, most: number): Promise<number> {
    let removed = 0;
    let after: StoredRecording | undefined;
    for (;;) {
      const page = await this.#deps.recordings.copies(until, { after, limit: AT_ONCE });
      for (const { id } of page) {
        try {
          if (await this.#remove(id)) removed++;
        } catch (error) {
          if (error instanceof AppError) throw error;
          this.#deps.log.error({ err: error, recordingId: id }, 'the copy of an uploaded recording cannot be removed');
        }
        if (removed === most || this.#isClosed) return removed;
      }
      // Those that stay must not keep others.
      after = page.at(-1);
      if (page.length < AT_ONCE) return removed;
    }
  }

  /** False: it is needed. */
  async #remove(id: string): Promise<boolean> {
    const { recordings, log, filesOf, missing, uploadAgain, removeFolder } = this.#deps;
    const files = await filesOf(id).sizes().catch(orNone);
    const notThere = await missing(id, files);
    if (this.#isClosed) return false;
    if (notThere.length > 0) {
      log.error({ recordingId: id, files: notThere.length }, 'object storage does not have all of an uploaded recording: it stays here and is uploaded again');
      await uploadAgain(id, notThere);
      return false;
    }
    await removeFolder(id);
    await recordings.setElsewhere(id);
    log.info({ recordingId: id }, 'a recording lies in object storage alone now');
    return true;
  }

  #oneAtATime(work: () => Promise<void>): Promise<void> {
    const working = this.#working.then(async () => {
      if (this.#isClosed) return;
      await work().catch((error: unknown) => this.#deps.log.warn({ err: error }, 'copies of uploaded recordings cannot be removed now'));
    });
    this.#working = working;
    return working;
  }
}

/** Of a folder that is gone already. */
function orNone(error: unknown): ReadonlyMap<string, number> {
  if (errorCodeOf(error) === 'ENOENT') return new Map();
  throw error;
}
