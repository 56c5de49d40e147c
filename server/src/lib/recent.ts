/** A small cache of what was used lately: bounded in number and in age, and told when something changed. */
import type { Clock } from './clock.ts';

export interface RecentLimits {
  readonly maxEntries: number;
  readonly maxAgeMs: number;
}

export class Recent<Value> {
  readonly #limits: RecentLimits;
  readonly #clock: Clock;
  readonly #entries = new Map<string, { readonly value: Value; readonly until: number }>();
  #changes = 0;

  constructor(limits: RecentLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    if (entry.until <= this.#clock.now()) return undefined;
    // Last in the map is last to go.
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Loads and keeps. What changed while it was loading is given but not kept: it may be the old state. */
  async load(key: string, load: () => Promise<Value>): Promise<Value> {
    const changesBefore = this.#changes;
    const value = await load();
    if (changesBefore === this.#changes) this.set(key, value);
    return value;
  }

  /** As `load`, of several at once. */
  async loadAll(load: () => Promise<Iterable<readonly [key: string, value: Value]>>): Promise<Value[]> {
    const changesBefore = this.#changes;
    const entries = [...(await load())];
    if (changesBefore === this.#changes) for (const [key, value] of entries) this.set(key, value);
    return entries.map(([, value]) => value);
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: this.#clock.now() + this.#limits.maxAgeMs });
    if (this.#entries.size <= this.#limits.maxEntries) return;
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }

  /** Forgets everything that `matches`, and everything that is being loaded. */
  forget(matches: (value: Value, key: string) => boolean): void {
    this.#changes++;
    for (const [key, { value }] of this.#entries) if (matches(value, key)) this.#entries.delete(key);
  }
}
