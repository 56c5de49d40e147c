/** What the first frames of a broadcast decide for good: when there are enough of them, and the header of its playlists. */
import type { PlaylistHeader } from '@millrace/media/m3u8/media-playlist';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { choosePartTarget } from './part-target.ts';
import { usualFrameSeconds } from './usual-frame.ts';

/** Encoders left to their defaults send a key frame every 8 to 10 s. Players fail on segments that begin without one, so the longest group fits. */
export const TARGET_SECONDS = 10;

/** The first frames tell the frame rate: this many, or what came in this time. */
const WARM_UP_FRAMES = 10;
const WARM_UP_SECONDS = 0.4;
const MAX_WARM_UP_UNITS = 1000;

/** The first frames and the track that leads. */
export interface WarmUp {
  readonly lead: Track;
  readonly tracks: readonly Track[];
  readonly units: readonly Unit[];
}

/** True when these units tell the frame rate, or when too many wait. */
export function isWarm(lead: Track, units: readonly Unit[]): boolean {
  let frames = 0;
  let first: number | undefined;
  let last = 0;
  for (const unit of units) {
    if (unit.track !== lead.id) continue;
    frames++;
    first ??= unit.dts;
    last = unit.dts;
  }
  return (frames >= 2 && (frames >= WARM_UP_FRAMES || (last - (first ?? last)) / lead.timescale >= WARM_UP_SECONDS)) || units.length >= MAX_WARM_UP_UNITS;
}

/** The header, and the mean duration of the leading track's first frames where there are two. */
export function chooseHeader({ lead, tracks, units }: WarmUp, wantedPartSeconds: number): { readonly header: PlaylistHeader; readonly frameSeconds: number | undefined } {
  const times = units.filter((unit) => unit.track === lead.id).map((unit) => unit.dts / lead.timescale);
  const partTargetSeconds = choosePartTarget({
    times,
    others: tracks.filter((track) => track.kind === 'audio' && track !== lead).map(usualFrameSeconds),
    coarse: lead.timescale <= 1000,
    wantedSeconds: wantedPartSeconds,
  });
  return {
    header: {
      targetSeconds: TARGET_SECONDS,
      partTargetSeconds,
      holdBackSeconds: 3 * TARGET_SECONDS,
      partHoldBackSeconds: Math.ceil(3000 * partTargetSeconds - 1e-6) / 1000,
      skipUntilSeconds: 6 * TARGET_SECONDS,
    },
    frameSeconds: times.length > 1 ? ((times.at(-1) ?? 0) - (times[0] ?? 0)) / (times.length - 1) : undefined,
  };
}
