/** Times of audio frames, counted in samples: containers whose clocks tick otherwise round each frame to a different length, which would tear gapless sound. */

/** The encoder's timestamps win over the count from here on: a gap. */
const TOLERANCE_SECONDS = 0.06;

/** Clocks of sound and picture that drift apart further than this are brought together, a sample a frame, which nobody hears. */
const DRIFT_SECONDS = 0.005;

/** Of the mean error: a frame of AAC counts for a second and a half. */
const SMOOTHING = 1 / 64;

export class AudioClock {
  readonly #sampleRate: number;
  #next: number | undefined;
  /** Mean of how far the stamps are ahead of the count, samples. */
  #drift = 0;

  constructor(sampleRate: number) {
    this.#sampleRate = sampleRate;
  }

  /** The time of a frame of `samples` that the encoder stamped `timeMs`, in samples. */
  next(timeMs: number, samples: number): number {
    const stamped = Math.round((timeMs * this.#sampleRate) / 1000);
    const time = this.#counted(stamped, samples) ?? this.#restart(stamped);
    this.#next = time + samples;
    return time;
  }

  #counted(stamped: number, samples: number): number | undefined {
    if (this.#next === undefined) return undefined;
    const error = stamped - this.#next;
    if (Math.abs(error) > Math.max(TOLERANCE_SECONDS * this.#sampleRate, 1.5 * samples)) return undefined;
    this.#drift += (error - this.#drift) * SMOOTHING;
    if (Math.abs(this.#drift) <= DRIFT_SECONDS * this.#sampleRate) return this.#next;
    const step = Math.sign(this.#drift);
    this.#drift -= step;
    return this.#next + step;
  }

  #restart(stamped: number): number {
    this.#drift = 0;
    return stamped;
  }
}
