/** What is known of streams without asking the database: stands in the path of every publisher and every segment. */
import type { Clock } from '../lib/clock.ts';
import { Recent } from '../lib/recent.ts';
import type { StoredStream, StreamStore } from '../store/streams.ts';

/** A stream without its broadcast, which changes by itself: the media path knows that one. */
export type KnownStream = Omit<StoredStream, 'broadcast'>;

/** About 10 MB. Another server's change is seen within a minute. */
const LIMITS = { maxEntries: 10_000, maxAgeMs: 60_000 } as const;

interface Entry {
  readonly stream: KnownStream | undefined;
}

type Store = Pick<StreamStore, 'byId' | 'byKeyHash' | 'byIds'>;

export class StreamDirectory {
  readonly #store: Store;
  readonly #byId: Recent<Entry>;
  readonly #byKeyHash: Recent<Entry>;

  constructor({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
    this.#store = store;
    this.#byId = new Recent(LIMITS, clock);
    this.#byKeyHash = new Recent(LIMITS, clock);
  }

  /** Without a promise when it was asked lately. */
  byId(id: string): Entry | Promise<Entry> {
    return this.#byId.get(id) ?? this.#byId.load(id, async () => ({ stream: await this.#store.byId(id) }));
  }

  /** When smaller sizes of its picture are made; undefined when there is no such stream. Without a promise as `byId`. */
  ladderOf(id: string): KnownStream['ladder'] | undefined | Promise<KnownStream['ladder'] | undefined> {
    const found = this.byId(id);
    return found instanceof Promise ? found.then(({ stream }) => stream?.ladder) : found.stream?.ladder;
  }

  async byKeyHash(keyHash: Buffer): Promise<KnownStream | undefined> {
    const name = keyHash.toString('hex');
    const known = this.#byKeyHash.get(name);
    if (known) return known.stream;
    const stream = await this.#byKeyHash.load(name, async () => ({ stream: await this.#store.byKeyHash(keyHash) }));
    return stream.stream;
  }

  /** Those of `ids` that exist. */
  async byIds(ids: Iterable<string>): Promise<KnownStream[]> {
    const found: KnownStream[] = [];
    const missing: string[] = [];
    for (const id of ids) {
      const known = this.#byId.get(id);
      if (known?.stream) found.push(known.stream);
      else if (!known) missing.push(id);
    }
    const loaded = await this.#byId.loadAll(async () => (await this.#store.byIds(missing)).map((stream) => [stream.id, { stream }] as const));
    return [...found, ...loaded.flatMap(({ stream }) => stream ?? [])];
  }

  /** Called after each change in the database. */
  forget(id: string): void {
    this.#byId.forget((_, key) => key === id);
    this.#byKeyHash.forget(({ stream }) => stream?.id === id);
  }
}
