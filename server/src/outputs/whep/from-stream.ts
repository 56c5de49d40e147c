/** A stream's tracks as WebRTC carries them: which can go, and how they become packets. Pure. */

import { H264Packetizer } from '@millrace/media/rtp/h264-packetizer';
import { OpusPacketizer } from '@millrace/media/rtp/opus';
import type { Packetizer } from '@millrace/media/rtp/packetizer';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';

/** RTP counts pictures at this rate and Opus at the other. */
const VIDEO_CLOCK_RATE = 90_000;
const OPUS_CLOCK_RATE = 48_000;

export interface Carried {
  readonly track: Track;
  readonly clockRate: number;
  makePacketizer(): Packetizer;
}

/** Undefined: this codec does not go over WebRTC to browsers. */
export function carriedOf(track: Track): Carried | undefined {
  switch (track.codec) {
    case 'h264':
      return { track, clockRate: VIDEO_CLOCK_RATE, makePacketizer: () => new H264Packetizer(track.config) };
    case 'opus':
      return { track, clockRate: OPUS_CLOCK_RATE, makePacketizer: () => new OpusPacketizer() };
    default:
      return undefined;
  }
}

/** True when pictures are shown in another order than they are decoded: browsers show such video only over HLS and DASH. */
export function hasReorderedPictures(units: readonly Unit[], trackId: number): boolean {
  let latest = Number.NEGATIVE_INFINITY;
  for (const { track, pts } of units) {
    if (track !== trackId) continue;
    if (pts < latest) return true;
    latest = pts;
  }
  return false;
}
