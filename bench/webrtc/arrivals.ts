/** What came of one RTP source and what is missing of it, told from sequence numbers alone. */

export interface ArrivalCounts {
  /** Packets that came. */
  readonly received: number;
  /** Packets that were sent, by their numbers. */
  readonly sent: number;
  readonly bytes: number;
}

export class Arrivals {
  #first: number | undefined;
  #highest = 0;
  #received = 0;
  #bytes = 0;

  /** Takes a packet as it came. Nothing is asked for again, so that none comes twice. */
  packet(sequence: number, bytes: number): void {
    this.#received++;
    this.#bytes += bytes;
    if (this.#first === undefined) {
      this.#first = sequence;
      this.#highest = sequence;
      return;
    }
    // The shorter way round the circle of 16 bits.
    const step = ((sequence - this.#highest) << 16) >> 16;
    if (step > 0) this.#highest += step;
    // A packet from before the first one overtook nobody's count: the source began earlier than thought.
    else if (this.#highest + step < this.#first) this.#first = this.#highest + step;
  }

  get counts(): ArrivalCounts {
    const sent = this.#first === undefined ? 0 : this.#highest - this.#first + 1;
    return { received: this.#received, sent, bytes: this.#bytes };
  }
}
