/** What is told of a ladder: to the stream's owner, and in the metrics. */
import type { NoTiers } from './ladder-plan.ts';

/** A tier, as the owner is told. */
export interface TierState {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** IDLE: nobody plays. SHED: the machine could not keep up with it. FAILED: it cannot be made. */
  readonly state: 'IDLE' | 'RUNNING' | 'SHED' | 'FAILED';
}

export interface LadderState {
  readonly tiers: TierState[];
  /** Processor cores in use for all of them. */
  readonly cores: number;
  /** Why there are no tiers. */
  readonly none: NoTiers | 'SEVERAL_SIZES' | null;
}

export interface LadderCounters {
  /** Units of the source that a slow worker had no time for. */
  droppedUnits: number;
  restarts: number;
  /** Times a tier was given up because the machine could not keep up. */
  shed: number;
}
