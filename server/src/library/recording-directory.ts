/** What is known of recordings without asking the database: stands in the path of every segment that is played. */
import type { Clock } from '../lib/clock.ts';
import { Recent } from '../lib/recent.ts';
import type { RecordingStore, StoredRecording } from '../store/recordings.ts';

/** About 5 MB. Another server's change is seen within a minute. */
const LIMITS = { maxEntries: 5_000, maxAgeMs: 60_000 } as const;

interface Entry {
  readonly recording: StoredRecording | undefined;
}

export class RecordingDirectory {
  readonly #store: RecordingStore;
  readonly #byId: Recent<Entry>;

  constructor({ store, clock }: { readonly store: RecordingStore; readonly clock: Clock }) {
    this.#store = store;
    this.#byId = new Recent(LIMITS, clock);
  }

  /** Without a promise when it was asked lately. */
  byId(id: string): Entry | Promise<Entry> {
    return this.#byId.get(id) ?? this.#byId.load(id, async () => ({ recording: await this.#store.byId(id) }));
  }

  /** Called after each change in the database. */
  forget(id: string): void {
    this.#byId.forget((_, key) => key === id);
  }
}
