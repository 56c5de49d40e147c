/** One viewing session as it goes on: from the first beat to the last, with stalls and latency. Becomes a row. */
import type { DeviceKind, PlaybackProtocol } from '@millrace/contract/commands/stream-socket';
import type { ViewingRow } from '../store/viewings.ts';

export interface ViewingStart {
  readonly id: string;
  readonly streamId: string;
  readonly broadcastId: string | null;
  readonly userId: string | null;
  readonly protocol: PlaybackProtocol;
  readonly device: DeviceKind;
}

/** What a viewer's heartbeat says. */
export interface Vitals {
  readonly latencyMs?: number | undefined;
  /** Since the page began to play. */
  readonly stalls?: number | undefined;
}

export class Viewing {
  readonly #start: ViewingStart;
  readonly #startedAt: number;
  #lastSeenAt: number;
  #stalls = 0;
  #latencySum = 0;
  #latencyCount = 0;

  constructor(start: ViewingStart, now: number) {
    this.#start = start;
    this.#startedAt = now;
    this.#lastSeenAt = now;
  }

  seen(now: number, { latencyMs, stalls }: Vitals = {}): void {
    this.#lastSeenAt = Math.max(this.#startedAt, now);
    if (stalls !== undefined) this.#stalls = Math.max(this.#stalls, stalls);
    if (latencyMs === undefined) return;
    this.#latencySum += latencyMs;
    this.#latencyCount++;
  }

  /** The row as it is now. */
  toRow(): ViewingRow {
    return {
      ...this.#start,
      startedAt: new Date(this.#startedAt),
      endedAt: new Date(this.#lastSeenAt),
      stalls: this.#stalls,
      meanLatencyMs: this.#latencyCount === 0 ? null : Math.round(this.#latencySum / this.#latencyCount),
    };
  }
}
