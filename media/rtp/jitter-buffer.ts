/** Puts packets back into order: waits a bounded time for those that are missing, and names them so that they can be asked for again. Times are passed in. */
import { sequenceAfter, sequenceDistance } from './sequence.ts';

/** Half a second of 20 Mbit/s. A power of two. */
const WINDOW_PACKETS = 1_024;

/** A step of more than this is another numbering and not a loss; the next packet decides (RFC 3550 §A.1). */
const MAX_STEP = 512;

/** Packets that overtake each other on the way do so by less; asking earlier doubles them. */
const REORDERING_MS = 10;

/** A packet is asked for this often, then its time is up anyhow. */
const MAX_REQUESTS = 8;

/** Asking again sooner than a local network answers serves nothing. */
const MIN_ASK_AGAIN_MS = 20;

interface JitterBufferOptions {
  /** How long what follows a missing packet is held back: a frame that comes later is of no use to anyone who watches live. */
  readonly holdMs: number;
}

export interface Delivery<Packet> {
  readonly packet: Packet;
  /** Packets directly before this one never came. */
  readonly afterLoss: boolean;
}

interface Missing {
  readonly sinceMs: number;
  askedAtMs: number;
  requests: number;
}

export interface JitterCounters {
  /** Given up. */
  lost: number;
  /** Came twice. */
  duplicates: number;
  /** Came after they were given up. */
  late: number;
  /** Came in their place after others had come before them: reordered on the way, or sent again. */
  recovered: number;
  /** Times the numbering began anew. */
  resets: number;
}

export class JitterBuffer<Packet extends { readonly sequence: number }> {
  readonly counters: JitterCounters = { lost: 0, duplicates: 0, late: 0, recovered: 0, resets: 0 };
  readonly #holdMs: number;
  readonly #slots: (Packet | undefined)[] = new Array<Packet | undefined>(WINDOW_PACKETS).fill(undefined);
  /** In order of number: those between the next to deliver and the highest that came. */
  readonly #missing = new Map<number, Missing>();
  /** In order, not taken yet. */
  #ready: Delivery<Packet>[] = [];
  /** The number to be delivered next; undefined before the first packet. */
  #next: number | undefined;
  #highest = 0;
  #afterLoss = false;
  /** The number that would follow on a packet out of all bounds. */
  #strangeNext: number | undefined;
  /** What lies before the next packet is not waited for. */
  #isOver = false;

  constructor({ holdMs }: JitterBufferOptions) {
    this.#holdMs = holdMs;
  }

  /** Takes a packet as it came. */
  push(packet: Packet, nowMs: number): void {
    const { sequence } = packet;
    if (this.#next === undefined) this.#begin(sequence);
    if (this.#isOver) this.#goOn(sequence);
    const step = sequenceDistance(this.#highest, sequence);
    if (Math.abs(step) > MAX_STEP) {
      this.#pushStrange(packet, nowMs);
      return;
    }
    this.#strangeNext = undefined;
    if (this.#distance(sequence) < 0) {
      this.counters.late++;
      return;
    }
    // A number too far ahead for the window: what is missing at its head has had its time.
    while (this.#distance(sequence) >= WINDOW_PACKETS) this.#advance();
    const slot = sequence % WINDOW_PACKETS;
    if (this.#slots[slot]) {
      this.counters.duplicates++;
      return;
    }
    this.#slots[slot] = packet;
    if (step > 0) {
      for (let i = 1; i < step; i++) this.#missing.set(sequenceAfter(this.#highest, i), { sinceMs: nowMs, askedAtMs: 0, requests: 0 });
      this.#highest = sequence;
    } else if (this.#missing.delete(sequence)) {
      this.counters.recovered++;
    }
  }

  /** After an outage: whatever is missing, now or before the next packet, has had its time. */
  giveUp(): void {
    if (this.#next === undefined) return;
    while (sequenceDistance(this.#highest, this.#next) <= 0) this.#advance();
    this.#isOver = true;
  }

  /** Packets whose turn it is. */
  take(nowMs: number): Delivery<Packet>[] {
    while (this.#next !== undefined && sequenceDistance(this.#highest, this.#next) <= 0) {
      const missing = this.#missing.get(this.#next);
      if (missing && nowMs - missing.sinceMs < this.#holdMs) break;
      this.#advance();
    }
    const ready = this.#ready;
    if (ready.length > 0) this.#ready = [];
    return ready;
  }

  /**
   * Numbers to ask for now, in rising order; each is named again after a round trip until it comes or is given up.
   * @param roundTripMs as far as known.
   */
  requests(nowMs: number, roundTripMs: number): number[] {
    const askAgainMs = Math.max(MIN_ASK_AGAIN_MS, roundTripMs * 1.5);
    const sequences: number[] = [];
    for (const [sequence, missing] of this.#missing) {
      const isDue = missing.requests === 0 ? nowMs - missing.sinceMs >= REORDERING_MS : nowMs - missing.askedAtMs >= askAgainMs;
      if (!isDue || missing.requests >= MAX_REQUESTS) continue;
      missing.requests++;
      missing.askedAtMs = nowMs;
      sequences.push(sequence);
    }
    return sequences;
  }

  /** True while packets are waited for: `take` and `requests` have something to do before the next packet comes. */
  get isWaiting(): boolean {
    return this.#missing.size > 0;
  }

  #begin(sequence: number): void {
    this.#next = sequence;
    this.#highest = sequenceAfter(sequence, -1);
  }

  /** The first packet after an outage; those from before it may still come, and are late. */
  #goOn(sequence: number): void {
    const missing = sequenceDistance(this.#highest, sequence) - 1;
    if (missing < 0) return;
    this.#isOver = false;
    if (missing === 0) return;
    this.counters.lost += missing;
    this.#afterLoss = true;
    this.#begin(sequence);
  }

  #distance(sequence: number): number {
    return sequenceDistance(this.#next ?? sequence, sequence);
  }

  /** Delivers the next packet, or gives it up. */
  #advance(): void {
    const next = this.#next ?? 0;
    const slot = next % WINDOW_PACKETS;
    const packet = this.#slots[slot];
    if (packet) {
      this.#slots[slot] = undefined;
      this.#ready.push({ packet, afterLoss: this.#afterLoss });
      this.#afterLoss = false;
    } else {
      this.#missing.delete(next);
      this.counters.lost++;
      this.#afterLoss = true;
    }
    this.#next = sequenceAfter(next);
  }

  /** One packet out of all bounds is a stray; two in a row are a sender that began anew. */
  #pushStrange(packet: Packet, nowMs: number): void {
    if (packet.sequence !== this.#strangeNext) {
      this.#strangeNext = sequenceAfter(packet.sequence);
      return;
    }
    while (sequenceDistance(this.#highest, this.#next ?? 0) <= 0) this.#advance();
    this.counters.resets++;
    this.#afterLoss = true;
    this.#strangeNext = undefined;
    this.#begin(packet.sequence);
    this.push(packet, nowMs);
  }
}
