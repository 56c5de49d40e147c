/** What does a job inside a worker: units in, units out, in step. */
import type { VideoFormat } from '../job.ts';
import type { WireUnit } from '../wire.ts';

export interface Transcoder {
  /** Throws when the job cannot go on. */
  unit(unit: WireUnit): void;
  requestKeyFrame(): void;
  /** Which outputs are wanted from now on, by number; of a job with several. */
  setOutputs?(wanted: readonly boolean[]): void;
  close(): void;
}

export interface TranscoderOutput {
  /** @param output its number, where a job has several. */
  format(format: VideoFormat, output?: number): void;
  unit(unit: WireUnit, output?: number): void;
}
