/** The level of H.264 that a picture needs (ITU-T H.264 Table A-1), chosen here lest encoders and playlists differ. */

/** level_idc, macroblocks a second, macroblocks a picture, bits a second in Main profile. */
const LEVELS = [
  [30, 40_500, 1_620, 10_000_000],
  [31, 108_000, 3_600, 14_000_000],
  [32, 216_000, 5_120, 20_000_000],
  [40, 245_760, 8_192, 20_000_000],
  [42, 522_240, 8_704, 50_000_000],
  [50, 589_824, 22_080, 135_000_000],
  [52, 2_073_600, 36_864, 240_000_000],
] as const;

const HIGHEST = 52;

export interface LevelNeed {
  readonly width: number;
  readonly height: number;
  readonly maxFramesPerSecond: number;
  readonly maxBitsPerSecond: number;
}

/** level_idc: ten times the level. */
export function h264Level({ width, height, maxFramesPerSecond, maxBitsPerSecond }: LevelNeed): number {
  const blocks = Math.ceil(width / 16) * Math.ceil(height / 16);
  const level = LEVELS.find(([, perSecond, perPicture, bits]) => blocks <= perPicture && blocks * maxFramesPerSecond <= perSecond && maxBitsPerSecond <= bits);
  return level?.[0] ?? HIGHEST;
}
