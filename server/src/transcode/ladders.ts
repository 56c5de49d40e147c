/** The ladders of all broadcasts: opened with their packagers, told apart by stream, measured for the owner. */
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import { Ladder, type LadderCounters, type LadderListener, type LadderMode, type LadderState } from './ladder.ts';
import type { TierSetting } from './ladder-plan.ts';
import type { WorkerPool } from './pool.ts';

export interface LaddersDeps {
  readonly pool: WorkerPool;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: readonly TierSetting[];
  /** Whether encoders in hardware may be used where they work. */
  readonly hardware: boolean;
  /** What the owner has set; undefined when there is no such stream. */
  modeOf(streamId: string): LadderMode | undefined | Promise<LadderMode | undefined>;
}

export class Ladders {
  readonly counters: LadderCounters = { droppedUnits: 0, restarts: 0, shed: 0 };
  readonly #deps: LaddersDeps;
  readonly #open = new Set<Ladder>();
  /** What was set when it was asked last. */
  readonly #modes = new WeakMap<LiveStream, LadderMode>();

  constructor(deps: LaddersDeps) {
    this.#deps = deps;
  }

  /** A ladder without tracks yet. Closed by whoever opened it. */
  open(stream: LiveStream, listener: LadderListener): Ladder {
    const { pool, clock, log, settings, hardware } = this.#deps;
    const ladder = new Ladder({
      stream,
      settings,
      hardware,
      pool,
      clock,
      log,
      listener,
      counters: this.counters,
      mode: () => this.#modeOf(stream),
      onClosed: (closed) => this.#open.delete(closed),
    });
    this.#open.add(ladder);
    return ladder;
  }

  /** Undefined when nothing is packaged of this stream. */
  stateOf(stream: LiveStream): LadderState | undefined {
    for (const ladder of this.#open) if (ladder.stream === stream) return ladder.state;
    return undefined;
  }

  close(): void {
    for (const ladder of [...this.#open]) ladder.close();
  }

  #modeOf(stream: LiveStream): LadderMode | undefined {
    if (this.#deps.settings.length === 0) return 'off';
    const asked = this.#deps.modeOf(stream.broadcast.streamId);
    if (asked instanceof Promise) {
      // A database that is away for a moment changes nothing; the next look asks again.
      asked.then((mode) => this.#setMode(stream, mode)).catch(() => {});
    } else if (asked) this.#modes.set(stream, asked);
    return this.#modes.get(stream);
  }

  #setMode(stream: LiveStream, mode: LadderMode | undefined): void {
    if (!mode || mode === this.#modes.get(stream)) return;
    this.#modes.set(stream, mode);
    for (const ladder of this.#open) if (ladder.stream === stream) ladder.look();
  }
}
