/** What a stream's media looks like: each second to the owner, each minute to the database. */
import { z } from 'zod';
import { Instant } from '../ids.ts';

export const VideoMeasurement = z.strictObject({
  codec: z.string().meta({ description: 'RFC 6381 codecs string, e.g. avc1.64001f' }),
  width: z.int().nonnegative(),
  height: z.int().nonnegative(),
  framesPerSecond: z.number().nonnegative(),
  bitsPerSecond: z.number().nonnegative(),
  /** Seconds between the last two key frames; null until two were seen. */
  keyFrameIntervalSeconds: z.number().nonnegative().nullable(),
  bFrames: z.boolean(),
});

export const AudioMeasurement = z.strictObject({
  codec: z.string().meta({ description: 'RFC 6381 codecs string, e.g. mp4a.40.2' }),
  sampleRate: z.int().nonnegative(),
  channels: z.int().nonnegative(),
  bitsPerSecond: z.number().nonnegative(),
});

/** What hurts viewers. The page turns each into a sentence. */
export const StreamWarning = z
  .enum([
    'KEY_FRAMES_FAR_APART',
    'B_FRAMES',
    'VIDEO_CODEC_NOT_EVERYWHERE',
    'AUDIO_CODEC_NOT_EVERYWHERE',
    'BITRATE_COLLAPSED',
    'TIMESTAMPS_REPAIRED',
    'TRACK_NOT_SUPPORTED',
    'NO_AUDIO',
  ])
  .meta({ id: 'StreamWarning' });
export type StreamWarning = z.infer<typeof StreamWarning>;

/** A track that the server converts because some way of watching could not play it. Costs a share of a processor core. */
export const BridgeMeasurement = z
  .strictObject({
    kind: z.enum(['audio', 'video']),
    from: z.string().meta({ description: 'What the publisher sends, e.g. aac' }),
    to: z.string().meta({ description: 'What viewers get instead, e.g. opus. Sound costs about 1 % of a core, a picture most of one.' }),
    reason: z
      .enum(['CODEC', 'B_FRAMES'])
      .meta({ description: 'CODEC: players lack the format. B_FRAMES: real time cannot show them; avoided by setting B-frames to 0 in the encoder.' }),
    failed: z.boolean().meta({ description: 'It does not work: viewers who need it go without.' }),
  })
  .meta({ id: 'BridgeMeasurement' });
export type BridgeMeasurement = z.infer<typeof BridgeMeasurement>;

/** The smaller sizes of the picture that viewers on slow lines get. */
export const LadderMeasurement = z
  .strictObject({
    tiers: z.array(
      z.strictObject({
        name: z.string().meta({ description: 'By the shorter side, e.g. 720p' }),
        width: z.int().positive(),
        height: z.int().positive(),
        state: z.enum(['IDLE', 'RUNNING', 'SHED', 'FAILED']).meta({
          description:
            'IDLE: made when somebody plays by HLS or DASH, or needs it in real time. SHED: the server could not keep up with it. FAILED: it cannot be made of this picture.',
        }),
      }),
    ),
    /** Processor cores in use for all of them. */
    cores: z.number().nonnegative(),
    /** Why there are none: the picture is smaller than any of them, tells no size or has a shape of which none can be made, or comes in several sizes already. */
    none: z.enum(['SMALL', 'SIZE_UNKNOWN', 'SHAPE', 'SEVERAL_SIZES']).nullable(),
  })
  .meta({ id: 'LadderMeasurement' });
export type LadderMeasurement = z.infer<typeof LadderMeasurement>;

export const Measurement = z
  .strictObject({
    at: Instant,
    video: VideoMeasurement.nullable(),
    audio: AudioMeasurement.nullable(),
    /** Units lost by slow readers plus units refused or repaired away at ingest, since the broadcast began. */
    droppedUnits: z.int().nonnegative(),
    /** Timestamps repaired and discontinuities inserted since the broadcast began. */
    repairedTimestamps: z.int().nonnegative(),
    discontinuities: z.int().nonnegative(),
    viewers: z.int().nonnegative(),
    warnings: z.array(StreamWarning),
    /** What the server converts now, and why. */
    bridges: z.array(BridgeMeasurement),
    /** Null where none is wanted. */
    ladder: LadderMeasurement.nullable(),
  })
  .meta({ id: 'Measurement' });
export type Measurement = z.infer<typeof Measurement>;

/** One minute of a stream in the history. Bit rates and frame rate are means, viewers is the peak. */
export const MinuteMeasurement = z
  .strictObject({
    at: Instant,
    videoBitsPerSecond: z.number().nonnegative(),
    audioBitsPerSecond: z.number().nonnegative(),
    framesPerSecond: z.number().nonnegative(),
    keyFrameIntervalSeconds: z.number().nonnegative().nullable(),
    droppedUnits: z.int().nonnegative(),
    viewers: z.int().nonnegative(),
  })
  .meta({ id: 'MinuteMeasurement' });
export type MinuteMeasurement = z.infer<typeof MinuteMeasurement>;
