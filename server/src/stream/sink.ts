/** What reads a stream in step with its publisher: the packager, the meter, a reader's queue. Calls must not block or throw. */
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';

export interface Sink {
  /**
   * Before the first unit, and again when the formats change or a publisher returns. Every call but the first is a
   * discontinuity: units that follow do not continue those before, though their times lie on the same timeline.
   */
  tracks(tracks: readonly Track[]): void;
  /** Times count from the broadcast's `createdAt`, per track in its timescale; dts strictly increases within a track. */
  unit(unit: Unit): void;
  /** The publisher is gone but may return: what is buffered should be finished and shown. */
  pause(): void;
  /** Nothing follows. */
  end(): void;
}
