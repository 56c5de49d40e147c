/** Which rendition a viewer gets, told from what its network loses in each second. A value in, a level out; times are passed in. */

/** What is known of a viewer's second. */
export interface ViewerSecond {
  /** Share of packets that were missed, also of those that were sent again in time. 0 to 1. */
  readonly loss: number;
  /** Packets were left out, for the viewer took none. */
  readonly fellBehind: boolean;
}

/** A loss that sending again cannot make good without a stutter. */
const TOO_MUCH_LOSS = 0.1;
/** Below this a network has room. */
const LITTLE_LOSS = 0.02;

/** Seconds in a row that must agree: one burst is not a slow network. */
const SECONDS_TO_BELIEVE = 2;

/** How long a network must be clean before more is tried on it, the first time and at most. Each trial that fails doubles it. */
const FIRST_PATIENCE_MS = 15_000;
const MOST_PATIENCE_MS = 240_000;

/** A trial has failed when the loss is back within this. */
const TRIAL_MS = 20_000;

export class RenditionChoice {
  #level = 0;
  #lossySeconds = 0;
  #cleanSinceMs: number | undefined;
  #raisedAtMs = Number.NEGATIVE_INFINITY;
  #patienceMs = FIRST_PATIENCE_MS;

  /** 0 is the best rendition. */
  get level(): number {
    return this.#level;
  }

  /**
   * Takes a second of the viewer's; returns where that leads.
   * @param levels how many renditions there are. `least`: what is lost is lost on the last of them.
   */
  second({ loss, fellBehind }: ViewerSecond, { levels, nowMs }: { readonly levels: number; readonly nowMs: number }): 'stay' | 'down' | 'up' | 'least' {
    this.#level = Math.min(this.#level, Math.max(0, levels - 1));
    this.#lossySeconds = loss > TOO_MUCH_LOSS ? this.#lossySeconds + 1 : 0;
    if (loss >= LITTLE_LOSS || fellBehind) this.#cleanSinceMs = undefined;
    else this.#cleanSinceMs ??= nowMs;
    if (fellBehind || this.#lossySeconds >= SECONDS_TO_BELIEVE) return this.#goDown(levels, nowMs);
    if (this.#level === 0 || this.#cleanSinceMs === undefined || nowMs - this.#cleanSinceMs < this.#patienceMs) return 'stay';
    this.#level--;
    this.#raisedAtMs = nowMs;
    this.#cleanSinceMs = nowMs;
    return 'up';
  }

  #goDown(levels: number, nowMs: number): 'down' | 'least' {
    this.#lossySeconds = 0;
    if (this.#level >= levels - 1) return 'least';
    this.#level++;
    const hasFailed = nowMs - this.#raisedAtMs <= TRIAL_MS;
    this.#patienceMs = hasFailed ? Math.min(MOST_PATIENCE_MS, 2 * this.#patienceMs) : FIRST_PATIENCE_MS;
    this.#raisedAtMs = Number.NEGATIVE_INFINITY;
    return 'down';
  }
}
