/** Where outputs find the packager of a stream. An ended one stays a while, so that late viewers finish what they watch. */
import type { Clock } from '../../lib/clock.ts';
import type { Packager } from './packager.ts';

/** How long an ended broadcast can still be played. */
const LINGER_MS = 60_000;

export class PackagerRegistry {
  readonly #clock: Clock;
  readonly #packagers = new Map<string, Packager>();
  readonly #arrivals = new Map<string, Set<() => void>>();

  constructor(deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
  }

  /** A new run takes the place of the last one. */
  set(streamId: string, packager: Packager): void {
    this.#packagers.set(streamId, packager);
    packager.whenEnded(() => {
      this.#clock.after(LINGER_MS, () => {
        if (this.#packagers.get(streamId) === packager) this.#packagers.delete(streamId);
      });
    });
    const waiting = this.#arrivals.get(streamId);
    this.#arrivals.delete(streamId);
    for (const call of waiting ?? []) call();
  }

  get(streamId: string): Packager | undefined {
    return this.#packagers.get(streamId);
  }

  *all(): Iterable<Packager> {
    yield* this.#packagers.values();
  }

  /** Calls once when the stream gets a packager. Returns how to stop waiting. */
  whenSet(streamId: string, call: () => void): () => void {
    const waiting = this.#arrivals.get(streamId) ?? new Set();
    this.#arrivals.set(streamId, waiting);
    waiting.add(call);
    return () => {
      waiting.delete(call);
      if (waiting.size === 0 && this.#arrivals.get(streamId) === waiting) this.#arrivals.delete(streamId);
    };
  }
}
