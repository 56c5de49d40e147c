/** A stream's tracks as WebRTC carries them: which can go, and how they become packets. Pure. */
import { ProtocolError } from '@millrace/media/protocol-error';
import { packetizerFor } from '@millrace/media/rtp/formats';
import type { Packetizer } from '@millrace/media/rtp/packetizer';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';

/** RTP counts pictures at this rate and Opus at the other. */
const VIDEO_CLOCK_RATE = 90_000;
const OPUS_CLOCK_RATE = 48_000;

export interface Carried {
  readonly track: Track;
  /** Of RTP timestamps. */
  readonly clockRate: number;
  readonly packetizer: Packetizer;
}

/** Undefined: this codec does not go over WebRTC to browsers, or its configuration is damaged. */
export function carriedOf(track: Track): Carried | undefined {
  try {
    const packetizer = packetizerFor(track);
    return packetizer && { track, packetizer, clockRate: track.kind === 'video' ? VIDEO_CLOCK_RATE : OPUS_CLOCK_RATE };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
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
