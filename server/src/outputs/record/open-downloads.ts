/** The headers of downloads that are being made or sent. Each may have some megabytes, and slow clients keep them: so many there are at most. */
import type { Clock } from '../../lib/clock.ts';
import type { Extent } from '../../transports/http/send-stored.ts';
import type { Download } from './download.ts';

/** The header of two hours has some 5 MB, and is sent in a minute on a slow line. */
const MAX_HEADERS = 16;

/** A client that asks for range after range finds it again. */
const MAX_AGE_MS = 5 * 60_000;

type Making = Promise<Download | undefined>;

interface Entry {
  readonly making: Making;
  readonly until: number;
  /** Answers that need it. */
  users: number;
}

export class OpenDownloads {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #byId = new Map<string, Entry>();
  /** Those that answers still need, but nobody finds any more. */
  #orphans = 0;

  constructor(clock: Clock, max = MAX_HEADERS) {
    this.#clock = clock;
    this.#max = max;
  }

  /** Made by the first who asks. Undefined: there are as many as there may be, and each is needed. */
  hold(id: string, make: () => Making): HeldDownload | undefined {
    const entry = this.#current(id) ?? this.#add(id, make);
    if (!entry) return undefined;
    entry.users++;
    return new HeldDownload(entry.making, () => {
      entry.users--;
      if (entry.users === 0 && this.#byId.get(id) !== entry) this.#orphans--;
    });
  }

  /** The next who asks has it made anew. */
  forget(id: string): void {
    const entry = this.#byId.get(id);
    if (!entry) return;
    this.#byId.delete(id);
    if (entry.users > 0) this.#orphans++;
  }

  #current(id: string): Entry | undefined {
    const entry = this.#byId.get(id);
    if (entry && entry.until <= this.#clock.now()) this.forget(id);
    return this.#byId.get(id);
  }

  #add(id: string, make: () => Making): Entry | undefined {
    if (this.#byId.size + this.#orphans >= this.#max && !this.#makeRoom()) return undefined;
    const entry: Entry = { making: make(), until: this.#clock.now() + MAX_AGE_MS, users: 0 };
    this.#byId.set(id, entry);
    return entry;
  }

  /** The one that was made first of those that nobody needs. */
  #makeRoom(): boolean {
    for (const [id, { users }] of this.#byId) if (users === 0) return this.#byId.delete(id);
    return false;
  }
}

/** A download as one answer holds it: to be closed with the answer. */
export class HeldDownload implements Disposable {
  #making: Making | undefined;
  #head: Extent | undefined;
  readonly #release: () => void;

  constructor(making: Making, release: () => void) {
    this.#making = making;
    this.#release = release;
  }

  /** What it consists of. Undefined when there is nothing in it. Rejects when the files are not what the index says. */
  async open(): Promise<{ readonly extents: Iterable<Extent>; readonly size: number } | undefined> {
    const download = await this.#making;
    if (!download) return undefined;
    const { head, media, size } = download;
    this.#head = { data: head, bytes: head.length };
    return { extents: this.#inOrder(media), size };
  }

  [Symbol.dispose](): void {
    if (!this.#making) return;
    this.#making = undefined;
    this.#head = undefined;
    this.#release();
  }

  /** The header is let go when what is behind it is asked for: a slow client needs hours for that. */
  *#inOrder(media: readonly Extent[]): Generator<Extent> {
    if (this.#head) yield this.#head;
    this[Symbol.dispose]();
    yield* media;
  }
}
