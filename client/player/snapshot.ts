/** What a page knows of a player, and which changes of it are worth drawing. */
import type { Engine, Quality } from './engine.ts';
import type { FallBack, Latency } from './engine-switch.ts';
import type { PlayerState, UnplayableReason } from './state.ts';

/** Latency is told in steps that a person can read, so that a page is not drawn anew four times a second. */
const LATENCY_STEP_MS = 100;

export interface PlayerSnapshot {
  readonly state: PlayerState;
  readonly unplayable: UnplayableReason | undefined;
  /** Server clock minus the clock of the shown picture; undefined while either is unknown. */
  readonly latencyMs: number | undefined;
  /** False when the viewer paused or fell back and could go to live. */
  readonly atLive: boolean;
  /** The browser allowed playback only without sound. */
  readonly mutedByBrowser: boolean;
  readonly stalls: number;
  readonly qualities: readonly Quality[];
  readonly quality: number | undefined;
  /** What was asked for. */
  readonly latency: Latency;
  /** What is used. */
  readonly protocol: Engine['protocol'] | undefined;
  /** Why it is not real time although that was asked for. */
  readonly fallBack: FallBack | undefined;
}

/** True when a page that drew `a` need not draw `b`. */
export function looksSame(a: PlayerSnapshot, b: PlayerSnapshot): boolean {
  return (
    a.state === b.state &&
    a.unplayable === b.unplayable &&
    a.atLive === b.atLive &&
    a.mutedByBrowser === b.mutedByBrowser &&
    a.stalls === b.stalls &&
    a.quality === b.quality &&
    a.latency === b.latency &&
    a.protocol === b.protocol &&
    a.fallBack === b.fallBack &&
    a.qualities.length === b.qualities.length &&
    (a.latencyMs === undefined) === (b.latencyMs === undefined) &&
    Math.abs((a.latencyMs ?? 0) - (b.latencyMs ?? 0)) < LATENCY_STEP_MS
  );
}
