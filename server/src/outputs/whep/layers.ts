/** The sizes of a picture as viewers are told of them. Pure. */
import type { Layer } from '@millrace/contract/entities/layer';
import type { Track } from '@millrace/media/track';

/** A tier as far as viewers know it. */
export interface TierShape {
  readonly name: string;
  readonly track: { readonly width: number; readonly height: number };
  readonly bitsPerSecond: number;
}

/** What a publisher sends: named by its shorter side, as tiers are. Empty while its size is not known. */
export function publishedLayer(track: Track): Layer[] {
  if (track.kind !== 'video' || track.width <= 0 || track.height <= 0) return [];
  const { width, height } = track;
  return [{ rid: `${Math.min(width, height)}p`, width, height }];
}

export function tierLayer({ name, track: { width, height }, bitsPerSecond }: TierShape): Layer {
  return { rid: name, width, height, targetBitrate: bitsPerSecond };
}
