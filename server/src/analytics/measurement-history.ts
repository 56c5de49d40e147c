/** A stream's minutes: gathered from the measurer, kept in the database, read back by the API. */
import type { Measurement, MinuteMeasurement } from '@millrace/contract/entities/measurement';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { MinuteRow } from '../store/measurements.ts';
import type { Broadcast } from '../stream/broadcast.ts';
import { BatchWriter } from './batch-writer.ts';
import type { MeasurementListener } from './measurer.ts';
import { MinuteAggregator } from './minute-aggregator.ts';

/** A day, as the contract promises. */
const MAX_MINUTES = 1_440;

/** How often minutes of streams that fell silent are looked for. */
const TIDY_MS = 10_000;

export interface MinuteStore {
  put(rows: readonly MinuteRow[]): Promise<void>;
  since(streamId: string, since: Date, limit: number): Promise<MinuteMeasurement[]>;
}

export interface MeasurementHistoryDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: MinuteStore;
}

export class MeasurementHistory implements MeasurementListener {
  readonly #clock: Clock;
  readonly #store: MinuteStore;
  readonly #writer: BatchWriter<MinuteRow>;
  readonly #aggregator: MinuteAggregator;
  #timer: Timer | undefined;

  constructor({ clock, log, store }: MeasurementHistoryDeps) {
    this.#clock = clock;
    this.#store = store;
    this.#writer = new BatchWriter({ clock, log, name: 'minute measurements', keyOf: (row) => `${row.streamId} ${row.at}`, write: (rows) => store.put(rows) });
    this.#aggregator = new MinuteAggregator((row) => this.#writer.put(row));
  }

  start(): void {
    this.#writer.start();
    this.#timer ??= this.#clock.every(TIDY_MS, () => this.#aggregator.flush(this.#clock.now()));
  }

  measured(broadcast: Broadcast, measurement: Measurement): void {
    this.#aggregator.measured(broadcast, measurement);
  }

  /** Whole minutes since `since` (at most a day of them), oldest first; those not yet written included. */
  async since(streamId: string, since: Date | undefined): Promise<MinuteMeasurement[]> {
    const from = since ?? new Date(this.#clock.now() - MAX_MINUTES * 60_000);
    const minutes = new Map((await this.#store.since(streamId, from, MAX_MINUTES)).map((minute) => [minute.at, minute]));
    for (const { streamId: owner, broadcastId: _, ...minute } of this.#writer.pending) {
      if (owner === streamId && Date.parse(minute.at) >= from.getTime()) minutes.set(minute.at, minute);
    }
    return [...minutes.values()].sort((a, b) => a.at.localeCompare(b.at)).slice(-MAX_MINUTES);
  }

  /** Writes what there is, the minute that runs included. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#aggregator.flush();
    await this.#writer.close();
  }
}
