/** What a publisher's encoder may spend, and what that means for one picture. */

export interface PublishLimits {
  readonly maxBitsPerSecond?: number | undefined;
  /** Of the shorter side, so that a phone that is turned keeps its quality. */
  readonly maxHeight?: number | undefined;
  readonly maxFramesPerSecond?: number | undefined;
}

/** Qualities that a person chooses from. */
export const QUALITIES = ['auto', '360p', '540p', '720p', '1080p'] as const;
export type PublishQuality = (typeof QUALITIES)[number];

/** Bit rates that look right for moving pictures at 30 frames a second in H.264 of a phone. */
export const QUALITY_LIMITS: Readonly<Record<PublishQuality, Required<PublishLimits>>> = {
  // 720p is the most that older phones encode without getting hot; the browser goes lower by itself where the network demands it.
  auto: { maxHeight: 720, maxBitsPerSecond: 2_500_000, maxFramesPerSecond: 30 },
  '360p': { maxHeight: 360, maxBitsPerSecond: 800_000, maxFramesPerSecond: 30 },
  '540p': { maxHeight: 540, maxBitsPerSecond: 1_500_000, maxFramesPerSecond: 30 },
  '720p': { maxHeight: 720, maxBitsPerSecond: 2_500_000, maxFramesPerSecond: 30 },
  '1080p': { maxHeight: 1080, maxBitsPerSecond: 5_000_000, maxFramesPerSecond: 30 },
};

/** How much smaller than captured the encoder makes the picture; 1 leaves it. */
export function scaleDownBy(picture: { readonly width?: number | undefined; readonly height?: number | undefined }, maxHeight: number | undefined): number {
  const shorter = Math.min(picture.width ?? 0, picture.height ?? 0);
  return maxHeight === undefined || shorter === 0 ? 1 : Math.max(1, shorter / maxHeight);
}

/** Sizes that are sent of one picture with simulcast, the names of their layers: least first, each with half the lines of the next. */
export const LAYERS = ['half', 'full'] as const;

/** Of the bits that may be spent, what the smaller picture gets: a quarter of the pixels, and a little more for each. */
const HALF_SHARE = 0.25;

/** What one layer of the picture may spend. */
export interface LayerLimits {
  readonly scaleResolutionDownBy: number;
  readonly maxBitrate: number | undefined;
}

/** Divides what may be spent between the layers that an encoder has, least first: one without simulcast. */
export function layerLimits(layers: number, scale: number, maxBitsPerSecond: number | undefined): LayerLimits[] {
  return Array.from({ length: layers }, (_, i) => {
    const isLargest = i === layers - 1;
    const share = layers === 1 ? 1 : isLargest ? 1 - HALF_SHARE : HALF_SHARE / (layers - 1);
    return { scaleResolutionDownBy: scale * 2 ** (layers - 1 - i), maxBitrate: maxBitsPerSecond === undefined ? undefined : Math.round(maxBitsPerSecond * share) };
  });
}
