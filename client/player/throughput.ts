/**
 * What a network carries, told from how long the bytes of each piece took. hls.js counts no piece as faster than 50 ms, and so takes a network
 * for slow when pieces are small: who has come down to a small picture in parts of 200 ms would never get up again.
 */

/** Of one piece of media. */
export interface Load {
  readonly bytes: number;
  /** From the first byte to the last: waiting for a piece that is yet to be made is no fault of the network. */
  readonly transferMs: number;
}

/** Clocks and schedulers tell no less. */
const LEAST_MS = 4;

/** A network is as good as its last pieces say, and as all of these. */
const RECENT = 3;
const MOST = 16;

export class Throughput {
  #loads: Load[] = [];

  add({ bytes, transferMs }: Load): void {
    if (bytes <= 0) return;
    this.#loads = [...this.#loads, { bytes, transferMs: Math.max(LEAST_MS, transferMs) }].slice(-MOST);
  }

  /** Undefined until something was loaded. */
  get bitsPerSecond(): number | undefined {
    return this.#loads.length === 0 ? undefined : Math.min(rateOf(this.#loads), rateOf(this.#loads.slice(-RECENT)));
  }
}

/** Each piece counts the same: a large one that came fast must not hide that a small one came slowly. */
function rateOf(loads: readonly Load[]): number {
  const secondsPerBit = loads.reduce((sum, { bytes, transferMs }) => sum + transferMs / 1000 / (8 * bytes), 0) / loads.length;
  return Math.round(1 / secondsPerBit);
}
