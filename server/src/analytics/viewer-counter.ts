/** Who watches what now. A port, so that several machines can count together; here the one in memory. */
import type { Clock, Timer } from '../lib/clock.ts';

export interface ViewerListener {
  /** The number of viewers of a stream changed. Must not block or throw. */
  viewersCounted(streamId: string, viewers: number): void;
}

export interface JoinOptions {
  readonly streamId: string;
  /** Connections of the same person are one viewer. */
  readonly person: string;
  /** Called once when no beat came in time; the presence counts no more. */
  onVanished(): void;
}

/** One connection of a viewer. */
export interface Presence {
  beat(): void;
  leave(): void;
}

export interface ViewerCounter {
  count(streamId: string): number;
  join(options: JoinOptions): Presence;
}

export interface MemoryViewerCounterDeps {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly listener: ViewerListener;
}

/** One sweep for all: with the timeout of 12.5 s a vanished viewer is gone after 13.5 s at the latest. */
const SWEEP_MS = 1_000;

interface Connection extends JoinOptions {
  lastBeatAt: number;
}

export class MemoryViewerCounter implements ViewerCounter {
  readonly #deps: MemoryViewerCounterDeps;
  /** Stream → person → number of connections. */
  readonly #people = new Map<string, Map<string, number>>();
  /** The one that was silent for longest first. */
  readonly #connections = new Set<Connection>();
  #viewers = 0;
  #timer: Timer | undefined;

  constructor(deps: MemoryViewerCounterDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer ??= this.#deps.clock.every(SWEEP_MS, () => this.#sweep());
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Viewers of all streams. */
  get total(): number {
    return this.#viewers;
  }

  count(streamId: string): number {
    return this.#people.get(streamId)?.size ?? 0;
  }

  join(options: JoinOptions): Presence {
    const connection: Connection = { ...options, lastBeatAt: this.#deps.clock.monotonic() };
    this.#connections.add(connection);
    const people = this.#people.get(options.streamId) ?? new Map<string, number>();
    this.#people.set(options.streamId, people);
    const connections = people.get(options.person) ?? 0;
    people.set(options.person, connections + 1);
    if (connections === 0) this.#changed(options.streamId, 1);
    return {
      beat: () => {
        // Moving it to the end keeps the order in which they fell silent.
        if (!this.#connections.delete(connection)) return;
        connection.lastBeatAt = this.#deps.clock.monotonic();
        this.#connections.add(connection);
      },
      leave: () => this.#remove(connection),
    };
  }

  #sweep(): void {
    const silentSince = this.#deps.clock.monotonic() - this.#deps.timeoutMs;
    for (const connection of this.#connections) {
      if (connection.lastBeatAt > silentSince) return;
      this.#remove(connection);
      connection.onVanished();
    }
  }

  #remove(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    const people = this.#people.get(connection.streamId);
    const connections = people?.get(connection.person);
    if (!people || connections === undefined) return;
    if (connections > 1) {
      people.set(connection.person, connections - 1);
      return;
    }
    people.delete(connection.person);
    if (people.size === 0) this.#people.delete(connection.streamId);
    this.#changed(connection.streamId, -1);
  }

  #changed(streamId: string, by: 1 | -1): void {
    this.#viewers += by;
    this.#deps.listener.viewersCounted(streamId, this.count(streamId));
  }
}
