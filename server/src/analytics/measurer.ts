/** Reads the meter of every running stream once a second, on one timer, and tells who wants to know. */
import type { BridgeMeasurement, LadderMeasurement, Measurement } from '@millrace/contract/entities/measurement';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Broadcast } from '../stream/broadcast.ts';
import { Health } from '../stream/health.ts';
import type { MeterReading } from '../stream/meter.ts';

/** A running stream as far as it is measured; the hub's fit. */
export interface MeasuredStream {
  readonly broadcast: Broadcast;
  /** Undefined while nobody sends: there is nothing to measure then. */
  readonly publisher: object | undefined;
  readonly meter: { read(elapsedSeconds: number): MeterReading };
  readonly counters: {
    readonly repaired: number;
    readonly jumps: number;
    readonly droppedUnits: number;
    readonly discontinuities: number;
    readonly refusedTracks: readonly string[];
  };
}

export interface MeasurementListener {
  measured(broadcast: Broadcast, measurement: Measurement): void;
}

export interface MeasurerDeps<Stream extends MeasuredStream> {
  readonly clock: Clock;
  readonly streams: { running(): Iterable<Stream> };
  /** What is converted for viewers of a stream. */
  readonly bridges: { running(stream: Stream): readonly BridgeMeasurement[] };
  /** Its smaller sizes; undefined where none are wanted. */
  readonly ladders: { stateOf(stream: Stream): LadderMeasurement | undefined };
  readonly viewers: { count(streamId: string): number };
  readonly listeners: readonly MeasurementListener[];
}

const PERIOD_MS = 1_000;

export class Measurer<Stream extends MeasuredStream> {
  readonly #deps: MeasurerDeps<Stream>;
  /** By broadcast; swept when a broadcast no longer runs. */
  #health = new Map<string, Health>();
  #timer: Timer | undefined;
  #lastAt: number;

  constructor(deps: MeasurerDeps<Stream>) {
    this.#deps = deps;
    this.#lastAt = deps.clock.monotonic();
  }

  start(): void {
    this.#lastAt = this.#deps.clock.monotonic();
    this.#timer ??= this.#deps.clock.every(PERIOD_MS, () => this.#measure());
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #measure(): void {
    const { clock, streams, listeners } = this.#deps;
    const monotonic = clock.monotonic();
    const elapsedSeconds = (monotonic - this.#lastAt) / 1000;
    this.#lastAt = monotonic;
    const at = new Date(clock.now()).toISOString();
    const health = new Map<string, Health>();
    for (const stream of streams.running()) {
      const { broadcast, publisher } = stream;
      const reading = stream.meter.read(elapsedSeconds);
      // A publisher who returns is judged anew.
      if (!publisher) continue;
      const judge = this.#health.get(broadcast.broadcastId) ?? new Health();
      health.set(broadcast.broadcastId, judge);
      const measurement = this.#measurementOf(stream, reading, judge, at);
      for (const listener of listeners) listener.measured(broadcast, measurement);
    }
    this.#health = health;
  }

  #measurementOf(stream: Stream, reading: MeterReading, health: Health, at: string): Measurement {
    const { repaired, jumps, droppedUnits, discontinuities, refusedTracks } = stream.counters;
    return {
      at,
      video: reading.video && withoutKeyFrameAge(reading.video),
      audio: reading.audio,
      droppedUnits,
      repairedTimestamps: repaired,
      discontinuities: discontinuities + jumps,
      viewers: this.#deps.viewers.count(stream.broadcast.streamId),
      warnings: health.observe({ reading, repaired: repaired + jumps, refusedTracks: refusedTracks.length }),
      bridges: [...this.#deps.bridges.running(stream)],
      ladder: this.#deps.ladders.stateOf(stream) ?? null,
    };
  }
}

function withoutKeyFrameAge({ sinceKeyFrameSeconds: _, ...video }: NonNullable<MeterReading['video']>): NonNullable<Measurement['video']> {
  return video;
}
