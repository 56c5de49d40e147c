/** Collects rows and writes them together, so that viewers and minutes cost the database a query now and then. */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';

export interface BatchWriterDeps<Row> {
  readonly clock: Clock;
  readonly log: Log;
  /** For the log. */
  readonly name: string;
  keyOf(row: Row): string;
  write(rows: readonly Row[]): Promise<void>;
}

const FLUSH_MS = 5_000;

/** One query's worth: about 100 KiB of JSON. */
const BATCH_ROWS = 500;

/** While the database is away this much is kept; then the oldest is lost and counted. */
const MAX_PENDING_ROWS = 10_000;

export class BatchWriter<Row> {
  readonly #deps: BatchWriterDeps<Row>;
  /** Newest state of each row that is to be written. */
  #pending = new Map<string, Row>();
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #dropped = 0;

  constructor(deps: BatchWriterDeps<Row>) {
    this.#deps = deps;
  }

  /** Rows lost because the database was away for too long. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Rows not yet written. */
  get pending(): readonly Row[] {
    return [...this.#pending.values()];
  }

  start(): void {
    this.#timer ??= this.#deps.clock.every(FLUSH_MS, () => void this.flush());
  }

  /** Takes a row, in place of the one with the same key that is not yet written. */
  put(row: Row): void {
    const key = this.#deps.keyOf(row);
    this.#pending.delete(key);
    this.#pending.set(key, row);
    if (this.#pending.size <= MAX_PENDING_ROWS) return;
    for (const oldest of this.#pending.keys()) {
      this.#pending.delete(oldest);
      this.#dropped++;
      break;
    }
  }

  /** Writes what is pending, in batches; stops at the first that fails and keeps it. Never rejects. */
  async flush(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  /** Writes what is left, once. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    // What came in while an earlier flush was on its way needs one of its own.
    await this.#writing;
    await this.flush();
    if (this.#pending.size > 0) this.#deps.log.error({ rows: this.#pending.size, what: this.#deps.name }, 'rows were not written before the stop');
  }

  async #writeAll(): Promise<void> {
    while (this.#pending.size > 0) {
      const batch = [...this.#pending].slice(0, BATCH_ROWS);
      try {
        await this.#deps.write(batch.map(([, row]) => row));
      } catch (error) {
        this.#deps.log.warn({ err: error, what: this.#deps.name, rows: this.#pending.size }, 'rows could not be written, trying again');
        return;
      }
      // A row that changed while it was written stays for the next time.
      for (const [key, row] of batch) if (this.#pending.get(key) === row) this.#pending.delete(key);
    }
  }
}
