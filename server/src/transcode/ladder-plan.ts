/** Which tiers a picture gets: a value in, values out. */
import type { VideoTrack } from '@millrace/media/track';
import type { X264Preset } from '../lib/x264-presets.ts';
import { h264Level } from './h264-level.ts';
import type { TierSize } from './job.ts';

/** A tier as the operator sets it. */
export interface TierSetting {
  /** Pixels of the shorter side: 720 makes 1280×720 of a wide picture, 720×1280 of a tall one. */
  readonly shorterSide: number;
  /** The most it may use, over a second. */
  readonly bitsPerSecond: number;
  readonly preset: X264Preset;
}

/** A tier of one broadcast's picture. */
export interface TierPlan {
  /** `720p`: the name of its rendition. */
  readonly name: string;
  /** What will come: of its configuration only the codec string is known before. */
  readonly track: VideoTrack;
  readonly bitsPerSecond: number;
  readonly maxFramesPerSecond: number;
  readonly preset: X264Preset;
}

/** Why a picture has no tiers. */
export type NoTiers = 'SIZE_UNKNOWN' | 'SMALL' | 'SHAPE';

/** Tiers of one picture; each costs a share of a core. */
const MOST_TIERS = 3;

/** Added to the id of the source: behind those of bridges, which may be a tier's source. */
const FIRST_ID = 10_000;

/** From this size on movement is shown as smoothly as the source has it; smaller pictures are for networks that would rather have a sharper one. */
const SMOOTH_SIDE = 720;
const SMOOTH_RATE = 60;
const PLAIN_RATE = 30;

/** Decoders in phones go no further. */
const LONGEST_SIDE = 4096;

/** What a tier may use of the source's bits is this root of its share of the pixels: smaller pictures need more bits a pixel. */
const PIXEL_EXPONENT = 0.75;

/** Less is no picture. */
const LEAST_BITS_PER_SECOND = 80_000;

/** The largest first: those of the settings that are smaller than the source, in its shape. */
export function planTiers(source: VideoTrack, settings: readonly TierSetting[]): readonly TierPlan[] | NoTiers {
  const { width, height } = source;
  const side = Math.min(width, height);
  if (side <= 0) return 'SIZE_UNKNOWN';
  const smaller = settings.filter(({ shorterSide }) => shorterSide < side);
  if (smaller.length === 0) return 'SMALL';
  const tiers = smaller
    .toSorted((a, b) => b.shorterSide - a.shorterSide)
    .slice(0, MOST_TIERS)
    .map((setting, i) => planTier(source, setting, i))
    .filter(({ track }) => Math.max(track.width, track.height) <= LONGEST_SIDE);
  return tiers.length > 0 ? tiers : 'SHAPE';
}

/** What was measured of a source. */
export interface MeasuredPicture {
  readonly bitsPerSecond: number;
  readonly framesPerSecond: number;
}

/** What the encoder is told. It may use no more bits than the source makes sense of: more would not show more. */
export function tierSizeOf({ track, bitsPerSecond, maxFramesPerSecond, preset }: TierPlan, source: VideoTrack, measured: MeasuredPicture | null | undefined): TierSize {
  const share = (track.width * track.height) / (source.width * source.height);
  const worth = measured?.bitsPerSecond ? measured.bitsPerSecond * share ** PIXEL_EXPONENT : bitsPerSecond;
  return {
    width: track.width,
    height: track.height,
    maxBitsPerSecond: Math.round(Math.max(LEAST_BITS_PER_SECOND, Math.min(bitsPerSecond, worth))),
    maxFramesPerSecond,
    expectedFramesPerSecond: Math.min(maxFramesPerSecond, measured?.framesPerSecond || maxFramesPerSecond),
    preset,
  };
}

/** Rounded to even sides. */
function planTier(source: VideoTrack, { shorterSide, bitsPerSecond, preset }: TierSetting, index: number): TierPlan {
  const scale = shorterSide / Math.min(source.width, source.height);
  const width = even(source.width * scale);
  const height = even(source.height * scale);
  const maxFramesPerSecond = shorterSide >= SMOOTH_SIDE ? SMOOTH_RATE : PLAIN_RATE;
  const level = h264Level({ width, height, maxFramesPerSecond, maxBitsPerSecond: bitsPerSecond });
  return {
    name: `${shorterSide}p`,
    track: {
      id: FIRST_ID + 10 * source.id + index,
      kind: 'video',
      codec: 'h264',
      timescale: source.timescale,
      config: new Uint8Array(0),
      // Main profile with the constraint that x264 sets.
      codecString: `avc1.4d40${level.toString(16)}`,
      width,
      height,
    },
    bitsPerSecond,
    maxFramesPerSecond,
    preset,
  };
}

function even(pixels: number): number {
  return Math.max(2, 2 * Math.round(pixels / 2));
}
