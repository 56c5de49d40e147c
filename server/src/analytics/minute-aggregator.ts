/** Folds measurements of seconds into minutes of each stream: means of the rates, the peak of viewers, what was dropped. */
import type { Measurement } from '@millrace/contract/entities/measurement';
import type { MinuteRow } from '../store/measurements.ts';
import type { Broadcast } from '../stream/broadcast.ts';

const MINUTE_MS = 60_000;

/** Longer than any publisher is waited for: what was dropped before matters to nobody then. */
const FORGET_MS = 10 * MINUTE_MS;

interface Minute {
  readonly at: number;
  readonly broadcastId: string;
  seconds: number;
  videoBits: number;
  audioBits: number;
  frames: number;
  keyFrameIntervalSeconds: number | null;
  droppedUnits: number;
  viewers: number;
}

export class MinuteAggregator {
  readonly #put: (row: MinuteRow) => void;
  readonly #minutes = new Map<string, Minute>();
  /** The running total of the broadcast, from which each minute's share is taken. */
  readonly #dropped = new Map<string, { readonly broadcastId: string; readonly units: number; readonly at: number }>();

  constructor(put: (row: MinuteRow) => void) {
    this.#put = put;
  }

  measured(broadcast: Broadcast, measurement: Measurement): void {
    const { streamId, broadcastId } = broadcast;
    const at = Math.floor(Date.parse(measurement.at) / MINUTE_MS) * MINUTE_MS;
    let minute = this.#minutes.get(streamId);
    // A second broadcast within a minute goes on with the minute, under its own name.
    if (minute && minute.at !== at) this.#close(streamId, minute);
    if (minute?.at !== at) {
      minute = { at, broadcastId, seconds: 0, videoBits: 0, audioBits: 0, frames: 0, keyFrameIntervalSeconds: null, droppedUnits: 0, viewers: 0 };
      this.#minutes.set(streamId, minute);
    }
    const { video, audio } = measurement;
    minute.seconds++;
    minute.videoBits += video?.bitsPerSecond ?? 0;
    minute.audioBits += audio?.bitsPerSecond ?? 0;
    minute.frames += video?.framesPerSecond ?? 0;
    minute.keyFrameIntervalSeconds = video?.keyFrameIntervalSeconds ?? minute.keyFrameIntervalSeconds;
    minute.droppedUnits += this.#newlyDropped(streamId, broadcastId, measurement.droppedUnits, at);
    minute.viewers = Math.max(minute.viewers, measurement.viewers);
  }

  /** Hands over minutes that are over though nothing more was measured; with no time, all of them. */
  flush(now = Number.POSITIVE_INFINITY): void {
    for (const [streamId, minute] of this.#minutes) if (minute.at + MINUTE_MS <= now) this.#close(streamId, minute);
    for (const [streamId, { at }] of this.#dropped) if (at + FORGET_MS <= now) this.#dropped.delete(streamId);
  }

  #newlyDropped(streamId: string, broadcastId: string, units: number, at: number): number {
    const before = this.#dropped.get(streamId);
    this.#dropped.set(streamId, { broadcastId, units, at });
    return before?.broadcastId === broadcastId ? Math.max(0, units - before.units) : units;
  }

  #close(streamId: string, minute: Minute): void {
    this.#minutes.delete(streamId);
    const mean = (sum: number): number => Math.round((sum / minute.seconds) * 10) / 10;
    this.#put({
      streamId,
      broadcastId: minute.broadcastId,
      at: new Date(minute.at).toISOString(),
      videoBitsPerSecond: mean(minute.videoBits),
      audioBitsPerSecond: mean(minute.audioBits),
      framesPerSecond: mean(minute.frames),
      keyFrameIntervalSeconds: minute.keyFrameIntervalSeconds,
      droppedUnits: minute.droppedUnits,
      viewers: minute.viewers,
    });
  }
}
