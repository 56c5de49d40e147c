/** The server's clock as far as this device can know it. */

/** Samples older than this give way: device clocks drift and are set. */
const SAMPLE_LIFE_MS = 5 * 60_000;

/**
 * Each message carries the server's time as it was sent; it arrives late by the way it took, never early. So the largest
 * difference seen lately is the nearest to the truth.
 */
export class ServerClock {
  readonly #now: () => number;
  #offsetMs: number | undefined;
  #takenAt = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param at the server's clock in ms since the Unix epoch, as it sent what just arrived. */
  sample(at: number): void {
    const now = this.#now();
    const offset = at - now;
    if (this.#offsetMs === undefined || offset > this.#offsetMs || now - this.#takenAt > SAMPLE_LIFE_MS) {
      this.#offsetMs = offset;
      this.#takenAt = now;
    }
  }

  /** False until a message was heard: the device's own clock may be off by minutes. */
  get known(): boolean {
    return this.#offsetMs !== undefined;
  }

  /** The server's time, ms since the Unix epoch. */
  now(): number {
    return this.#now() + (this.#offsetMs ?? 0);
  }
}
