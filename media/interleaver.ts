/** Puts what several tracks bring into the one order of decoding times that a container wants, holding back no more than it must. */

export interface Timed {
  readonly track: number;
  /** Decoding time on a clock that the tracks share, seconds. */
  readonly seconds: number;
}

/** A track that is so far behind has fallen silent, or what converts it has: the others go on. */
const MAX_WAIT_SECONDS = 1;

/** The same in items: 1 s of 120 pictures with sound, and room. */
const MAX_HELD = 512;

export class Interleaver<Item extends Timed> {
  readonly #latest = new Map<number, number>();
  #held: Item[] = [];
  #last = Number.NEGATIVE_INFINITY;

  /** @param tracks every track that is to come. */
  constructor(tracks: readonly number[]) {
    for (const track of tracks) this.#latest.set(track, Number.NEGATIVE_INFINITY);
  }

  /** Takes the next of a track; returns what is in order now. What comes too late to be in order is given out at once. */
  push(item: Item): Item[] {
    this.#latest.set(item.track, Math.max(this.#latest.get(item.track) ?? item.seconds, item.seconds));
    if (item.seconds < this.#last) return [item];
    let at = this.#held.length;
    while (at > 0 && (this.#held[at - 1]?.seconds ?? 0) > item.seconds) at--;
    this.#held.splice(at, 0, item);
    const newest = this.#held.at(-1)?.seconds ?? 0;
    const settled = Math.max(Math.min(...this.#latest.values()), newest - MAX_WAIT_SECONDS);
    let ready = 0;
    while (ready < this.#held.length && ((this.#held[ready]?.seconds ?? 0) <= settled || this.#held.length - ready > MAX_HELD)) ready++;
    return this.#take(ready);
  }

  /** Everything that is held, in order. */
  flush(): Item[] {
    return this.#take(this.#held.length);
  }

  #take(count: number): Item[] {
    const taken = this.#held.slice(0, count);
    this.#held = this.#held.slice(count);
    this.#last = taken.at(-1)?.seconds ?? this.#last;
    return taken;
  }
}
