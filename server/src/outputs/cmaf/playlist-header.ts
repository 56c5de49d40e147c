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

/** True when these units tell the frame rate, or when too many wait. Any size of the picture tells it, lest one that is silent be waited for. */
export function isWarm({ lead, tracks, units }: WarmUp): boolean {
  if (units.length >= MAX_WARM_UP_UNITS) return true;
  const leaders = tracks.filter((track) => track === lead || (lead.kind === 'video' && track.kind === 'video'));
  return leaders.some((track) => isSeen(timesOf(track, units)));
}

/** The header of all playlists. */
export function chooseHeader({ lead, tracks, units }: WarmUp, wantedPartSeconds: number): PlaylistHeader {
  const others = tracks.filter((track) => track !== lead);
  const sizes = others.filter(({ kind }) => kind === 'video');
  const leader = [lead, ...sizes].find((track) => timesOf(track, units).length > 1) ?? lead;
  const partTargetSeconds = choosePartTarget({
    times: timesOf(leader, units),
    others: [...others.filter(({ kind }) => kind === 'audio').map(usualFrameSeconds), ...sizes.flatMap((track) => (track === leader ? [] : (frameSecondsOf(track, units) ?? [])))],
    coarse: leader.timescale <= 1000,
    wantedSeconds: wantedPartSeconds,
  });
  return {
    targetSeconds: TARGET_SECONDS,
    partTargetSeconds,
    holdBackSeconds: 3 * TARGET_SECONDS,
    partHoldBackSeconds: Math.ceil(3000 * partTargetSeconds - 1e-6) / 1000,
    skipUntilSeconds: 6 * TARGET_SECONDS,
  };
}

/** The mean duration of a track's first frames; undefined where there are fewer than two. */
export function frameSecondsOf(track: Track, units: readonly Unit[]): number | undefined {
  const times = timesOf(track, units);
  return times.length > 1 ? ((times.at(-1) ?? 0) - (times[0] ?? 0)) / (times.length - 1) : undefined;
}

function isSeen(times: readonly number[]): boolean {
  return times.length >= 2 && (times.length >= WARM_UP_FRAMES || (times.at(-1) ?? 0) - (times[0] ?? 0) >= WARM_UP_SECONDS);
}

function timesOf(track: Track, units: readonly Unit[]): number[] {
  return units.flatMap((unit) => (unit.track === track.id ? unit.dts / track.timescale : []));
}
