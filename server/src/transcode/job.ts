/** What a worker is asked to do: one track in, one track out. */
import type { AudioTrack, VideoTrack } from '@millrace/media/track';

/** Where an output that was interrupted goes on. */
export interface ResumePoint {
  /** Time of the last unit that came out, in the timescale of the output. What comes next lies behind it. */
  readonly lastPts: number;
  /** True when nothing but the worker was missing: sound is filled up with silence. */
  readonly fill: boolean;
}

/** Sound of any codec to 48 kHz Opus or AAC-LC with at most two channels. */
export interface AudioJob {
  readonly kind: 'audio';
  readonly source: AudioTrack;
  readonly codec: 'opus' | 'aac';
  readonly channels: 1 | 2;
  readonly resume: ResumePoint | undefined;
}

/** Pictures of any codec to H.264 without B-frames, in the timescale of the source. */
export interface VideoJob {
  readonly kind: 'video';
  readonly source: VideoTrack;
  /** The most the output may use, over a second. */
  readonly maxBitsPerSecond: number;
  readonly resume: ResumePoint | undefined;
}

export type JobSpec = AudioJob | VideoJob;

/** What pictures come out as; of sound it is known beforehand. */
export interface VideoFormat {
  readonly width: number;
  readonly height: number;
  /** avcC. */
  readonly config: Uint8Array;
}

/** Of Opus and AAC as the workers encode them. */
export const AUDIO_TIMESCALE = 48_000;

/** Samples a frame holds at 48 kHz. */
export const FRAME_SAMPLES = { opus: 960, aac: 1024 } as const;

/** Samples by which the encoders lag behind their input, 6.5 ms and 21 ms. */
export const PRIMING_SAMPLES = { opus: 312, aac: 1024 } as const;
