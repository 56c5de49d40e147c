/** Tells whether the picture moves: by the element's clock, or by its frames where that clock goes on without them. */

/** The element's clock stands still for this long before playback is called stalled: a frame at 2 fps is no stall. */
const STALL_MS = 750;

/** A change of the source shows its last frame for this long before it counts as a stall. */
const CHANGE_MS = 2500;

/** `HTMLMediaElement.HAVE_CURRENT_DATA`. */
const HAVE_CURRENT_DATA = 2;

export interface PictureFlowDeps {
  readonly now: () => number;
}

export class PictureFlow {
  readonly #now: () => number;
  #lastTime = -1;
  #movedAt = 0;
  #changingUntil = 0;

  constructor({ now }: PictureFlowDeps) {
    this.#now = now;
  }

  /** A picture that stands still is explained by a change of the source. */
  get isChanging(): boolean {
    return this.#now() <= this.#changingUntil;
  }

  /** The source is about to change. */
  beginChange(): void {
    this.#changingUntil = this.#now() + CHANGE_MS;
  }

  /** The element plays, at this time of its own. */
  begin(currentTime: number): void {
    this.#movedAt = this.#now();
    this.#changingUntil = 0;
    this.#lastTime = currentTime;
  }

  /**
   * Compares the element with what it was at the last look.
   * @param idleMs how long nothing new was shown, from engines on which the element's clock goes on without pictures.
   * @returns undefined when it cannot be told yet.
   */
  look({ currentTime, paused, readyState }: Pick<HTMLVideoElement, 'currentTime' | 'paused' | 'readyState'>, idleMs: number | undefined): 'moves' | 'stands' | undefined {
    const before = this.#lastTime;
    const changed = idleMs === undefined ? currentTime !== before : idleMs < STALL_MS;
    if (paused || !changed || before < 0 || readyState < HAVE_CURRENT_DATA) {
      if (before < 0) this.#lastTime = currentTime;
      return this.#now() - this.#movedAt > STALL_MS && !this.isChanging ? 'stands' : undefined;
    }
    this.#lastTime = currentTime;
    // A seek back is no sign that pictures come.
    if (idleMs === undefined && currentTime < before) return undefined;
    this.#movedAt = this.#now();
    return 'moves';
  }
}
