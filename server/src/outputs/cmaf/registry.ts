/** Where outputs find the packager of a stream. An ended one stays a while, so that late viewers finish what they watch. */
import type { Clock } from '../../lib/clock.ts';
import type { Packager } from './packager.ts';

/** How long an ended broadcast can still be played. */
const LINGER_MS = 60_000;

/** Players do not say goodbye. The slowest asks once in a TARGETDURATION, which is 10 s. */
const PLAYED_MS = 30_000;

/** Who wants what a packager makes. */
export type PackagerUser = 'player' | 'recorder';

export class PackagerRegistry {
  readonly #clock: Clock;
  readonly #packagers = new Map<string, Packager>();
  /** When somebody last wanted to play them. */
  readonly #playedAt = new WeakMap<Packager, number>();
  readonly #onUse = new WeakMap<Packager, (by: PackagerUser) => void>();
  readonly #arrivals = new Map<string, Set<() => void>>();

  constructor(deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
  }

  /**
   * A new run takes the place of the last one.
   * @param onUse called whenever somebody wants to play it; cheap, since that is every request.
   */
  set(streamId: string, packager: Packager, onUse?: (by: PackagerUser) => void): void {
    this.#packagers.set(streamId, packager);
    if (onUse) this.#onUse.set(packager, onUse);
    packager.whenEnded(() => {
      this.#clock.after(LINGER_MS, () => {
        if (this.#packagers.get(streamId) === packager) this.#packagers.delete(streamId);
      });
    });
    const waiting = this.#arrivals.get(streamId);
    this.#arrivals.delete(streamId);
    for (const call of waiting ?? []) call();
  }

  /** For somebody who wants to play. */
  get(streamId: string): Packager | undefined {
    const packager = this.#packagers.get(streamId);
    if (!packager) return undefined;
    this.#playedAt.set(packager, this.#clock.monotonic());
    this.#onUse.get(packager)?.('player');
    return packager;
  }

  /** Whether somebody plays it, or did so a moment ago. */
  isPlayed(streamId: string): boolean {
    const packager = this.#packagers.get(streamId);
    const playedAt = packager && this.#playedAt.get(packager);
    return playedAt !== undefined && this.#clock.monotonic() - playedAt < PLAYED_MS;
  }

  /** For somebody who only looks at what there is. */
  peek(streamId: string): Packager | undefined {
    return this.#packagers.get(streamId);
  }

  /** For what records it: its pictures are to come, but nothing is to be made of them that only players want. */
  keepAwake(streamId: string): void {
    const packager = this.#packagers.get(streamId);
    if (packager) this.#onUse.get(packager)?.('recorder');
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
