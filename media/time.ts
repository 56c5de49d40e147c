/** Clock arithmetic for media: changing timescales and unwrapping counters, in integers that never wrap themselves. */

/** Rescales ticks, rounding to nearest. Exact below 2^53 / `to` ticks: centuries at 90 kHz. */
export function rescale(ticks: number, from: number, to: number): number {
  if (from === to) return ticks;
  const whole = Math.floor(ticks / from);
  return whole * to + Math.round(((ticks - whole * from) * to) / from);
}

/** Follows a counter of `bits` bits across its wraps; the nearest reading to the last one wins. */
export class Unwrapper {
  readonly #span: number;
  #last: number | undefined;

  constructor(bits: number) {
    this.#span = 2 ** bits;
  }

  /** @param wrapped a reading in [0, 2^bits). Returns the unwrapped value, which may go back but not jump by half a span. */
  next(wrapped: number): number {
    if (this.#last === undefined) {
      this.#last = wrapped;
      return wrapped;
    }
    const span = this.#span;
    const base = this.#last - (((this.#last % span) + span) % span);
    let value = base + wrapped;
    if (value - this.#last > span / 2) value -= span;
    else if (this.#last - value > span / 2) value += span;
    this.#last = value;
    return value;
  }
}
