/** What does a job inside a worker: units in, units out, in step. */
import type { VideoFormat } from '../job.ts';
import type { WireUnit } from '../wire.ts';

export interface Transcoder {
  /** Throws when the job cannot go on. */
  unit(unit: WireUnit): void;
  requestKeyFrame(): void;
  close(): void;
}

export interface TranscoderOutput {
  format(format: VideoFormat): void;
  unit(unit: WireUnit): void;
}
