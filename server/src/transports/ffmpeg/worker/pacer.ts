/** Gives out what comes at once in its own time: segments and files are read faster than they are shown. */

/** So much may be given out ahead. */
const LEAD_SECONDS = 0.5;

/** Later or earlier than this by the wall clock, and time begins anew: what came late will not catch up, and clocks of sources jump. */
const OFF_SECONDS = 3;

export interface PacerDeps {
  /** Milliseconds that never go back. */
  now(): number;
  wait(ms: number): Promise<void>;
}

export class Pacer {
  readonly #deps: PacerDeps;
  /** What a source's time of zero is by the wall clock. */
  #zeroMs: number | undefined;

  constructor(deps: PacerDeps) {
    this.#deps = deps;
  }

  /** Resolves when what lies at this time of the source may be given out. */
  async until(seconds: number): Promise<void> {
    const { now, wait } = this.#deps;
    const at = now();
    this.#zeroMs ??= at - seconds * 1000;
    const aheadMs = this.#zeroMs + seconds * 1000 - at;
    if (Math.abs(aheadMs) > OFF_SECONDS * 1000) this.#zeroMs = at - seconds * 1000;
    else if (aheadMs > LEAD_SECONDS * 1000) await wait(aheadMs - LEAD_SECONDS * 1000);
  }
}
