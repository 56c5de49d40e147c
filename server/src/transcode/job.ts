/** What a worker is asked to do: one track in, one or several out. */
import type { AudioTrack, VideoTrack } from '@millrace/media/track';
import type { X264Preset } from '../lib/x264-presets.ts';

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

/** A smaller size of a picture. Both sides are even. */
export interface TierSize {
  readonly width: number;
  readonly height: number;
  /** The most it may use, over a second. */
  readonly maxBitsPerSecond: number;
  /** Pictures that come faster are left out. */
  readonly maxFramesPerSecond: number;
  /** As the source was measured. Hardware shares its bits out by this; x264 finds out. */
  readonly expectedFramesPerSecond: number;
  /** Hardware has its own. */
  readonly preset: X264Preset;
}

/** What encodes H.264: x264 in software, the others in hardware. */
export const ENCODER_NAMES = ['x264', 'nvenc', 'qsv', 'vaapi', 'videotoolbox'] as const;

export interface EncoderSetting {
  readonly name: (typeof ENCODER_NAMES)[number];
  /** The file of the device, for those that may have several. */
  readonly device: string | null;
}

/** What works everywhere. */
export const X264: EncoderSetting = { name: 'x264', device: null };

/**
 * Pictures of any codec to H.264 at several smaller sizes, decoded once, in the timescale of the source. Every output has its key frames
 * where the source has them, at the same decoding times, and no B-frames.
 */
export interface LadderJob {
  readonly kind: 'ladder';
  readonly source: VideoTrack;
  /** The largest first; at most MAX_TIERS. */
  readonly tiers: readonly TierSize[];
  /** Software takes the place of hardware that does not open. */
  readonly encoder: EncoderSetting;
}

/** Outputs that one job may have. */
export const MAX_TIERS = 8;

/**
 * Key frames of any codec to JPEGs, each decoded by itself: a poster, and a sheet of small pictures that has one more with each. A format of
 * the sheet says that the next unit of it begins another, with places of this size.
 */
export interface PictureJob {
  readonly kind: 'picture';
  readonly source: VideoTrack;
}

/** The outputs of a picture job. */
export const POSTER_OUTPUT = 0;
export const SHEET_OUTPUT = 1;

/** Places of a sheet. It is written and loaded anew with each picture, so it must not be large. */
export const SHEET_PLACES = 25;

/** Pictures stand in their sheet below each other, each in whole blocks of so many pixels: what JPEG codes together. */
export const SHEET_BLOCK = 16;

export type JobSpec = AudioJob | VideoJob | LadderJob | PictureJob;

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
