/** Times of audio frames, counted in samples: containers whose clocks tick otherwise round each frame to a different length, which would tear gapless sound. */

/** The encoder's timestamps win over the count from here on: a gap, or clocks that drift apart. */
const TOLERANCE_SECONDS = 0.06;

export class AudioClock {
  readonly #sampleRate: number;
  #next: number | undefined;

  constructor(sampleRate: number) {
    this.#sampleRate = sampleRate;
  }

  /** The time of a frame of `samples` that the encoder stamped `timeMs`, in samples. */
  next(timeMs: number, samples: number): number {
    const stamped = Math.round((timeMs * this.#sampleRate) / 1000);
    const tolerance = Math.max(TOLERANCE_SECONDS * this.#sampleRate, 1.5 * samples);
    const time = this.#next !== undefined && Math.abs(this.#next - stamped) <= tolerance ? this.#next : stamped;
    this.#next = time + samples;
    return time;
  }
}
