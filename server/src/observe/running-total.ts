/** A sum that never falls, over counters of things that come and go: broadcasts, packagers. */

export class RunningTotal {
  #total = 0;
  #last = new Map<string, number>();

  /** @param counters each present thing, by a name that is never used again, and its count. Returns the sum of all there ever were, as far as it was asked. */
  read(counters: Iterable<readonly [name: string, count: number]>): number {
    const present = new Map<string, number>();
    for (const [name, count] of counters) {
      this.#total += Math.max(0, count - (this.#last.get(name) ?? 0));
      present.set(name, count);
    }
    this.#last = present;
    return this.#total;
  }
}
