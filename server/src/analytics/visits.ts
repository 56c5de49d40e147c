/** Viewers from their first sign of life to the last: counted while they give any, and written down as viewings. */
import type { Clock } from '../lib/clock.ts';
import type { ViewingRow } from '../store/viewings.ts';
import type { Presence, ViewerCounter } from './viewer-counter.ts';
import { Viewing, type ViewingStart, type Vitals } from './viewing.ts';

export interface VisitsDeps {
  readonly clock: Clock;
  readonly counter: ViewerCounter;
  readonly viewings: { put(row: ViewingRow): void };
  readonly broadcasts: { get(streamId: string): { readonly broadcastId: string } | undefined };
  newId(): string;
}

export interface VisitStart extends Omit<ViewingStart, 'id' | 'broadcastId'> {
  /** Visits of the same person are one viewer. */
  readonly person: string;
}

/** What is written of a viewing that goes on: a crash costs the row its last minute. */
const CHECKPOINT_MS = 60_000;

export class Visits {
  readonly #deps: VisitsDeps;

  constructor(deps: VisitsDeps) {
    this.#deps = deps;
  }

  begin(start: VisitStart): Visit {
    return new Visit(this.#deps, start);
  }

  /** A WHEP session of a player without a stream socket: a person of its own, since nobody says whose it is. */
  beginSession(streamId: string): Visit {
    return this.begin({ streamId, person: `session ${this.#deps.newId()}`, userId: null, protocol: 'whep', device: 'other' });
  }
}

interface Watching {
  readonly presence: Presence;
  readonly viewing: Viewing;
  writtenAt: number;
}

export class Visit {
  readonly #deps: VisitsDeps;
  readonly #start: VisitStart;
  #watching: Watching | undefined;
  #isOver = false;

  constructor(deps: VisitsDeps, start: VisitStart) {
    this.#deps = deps;
    this.#start = start;
    this.#watching = this.#join();
  }

  /** Still there. One who was taken for vanished is counted again, as a viewing of its own. */
  beat(vitals: Vitals = {}): void {
    if (this.#isOver) return;
    const watching = this.#watching ?? this.#join();
    this.#watching = watching;
    const now = this.#deps.clock.now();
    watching.presence.beat();
    watching.viewing.seen(now, vitals);
    if (now - watching.writtenAt < CHECKPOINT_MS) return;
    watching.writtenAt = now;
    this.#deps.viewings.put(watching.viewing.toRow());
  }

  /** An explicit end: the viewer was there until now. */
  end(): void {
    this.#isOver = true;
    const watching = this.#watching;
    if (!watching) return;
    watching.presence.leave();
    watching.viewing.seen(this.#deps.clock.now());
    this.#write();
  }

  #join(): Watching {
    const { clock, counter, viewings, broadcasts, newId } = this.#deps;
    const { person, ...start } = this.#start;
    const { streamId } = start;
    const now = clock.now();
    const presence = counter.join({ streamId, person, onVanished: () => this.#write() });
    const viewing = new Viewing({ ...start, id: newId(), broadcastId: broadcasts.get(streamId)?.broadcastId ?? null }, now);
    viewings.put(viewing.toRow());
    return { presence, viewing, writtenAt: now };
  }

  /** The viewing is over, as of when it was last seen. */
  #write(): void {
    const watching = this.#watching;
    this.#watching = undefined;
    if (watching) this.#deps.viewings.put(watching.viewing.toRow());
  }
}
