/** The DASH manifest of a packager: the complete segments of its renditions, addressed where HLS has them. */
import { type ManifestPeriod, type ManifestTrack, writeManifest } from '@millrace/media/mpd/manifest';
import type { Packager } from '../cmaf/packager.ts';
import type { Rendition } from '../cmaf/rendition.ts';
import type { Segment } from '../cmaf/segment.ts';

/** New segments come every two seconds or so; asking twice as often keeps the delay small. */
const UPDATE_SECONDS = 1;

/** Players stay this many of the longest listed segments behind the wall clock, so that a whole one is always there. */
const DELAY_SEGMENTS = 2;

/** Twice the usual segment. */
const LEAST_DELAY_SECONDS = 4;

const EPOCH_PLACE = /^(.*)-\d+\.m4s$/;

export interface ManifestRequest {
  readonly packager: Packager;
  readonly streamId: string;
  /** `` or `?token=…`. */
  readonly query: string;
  readonly now: number;
}

export function manifestText({ packager, streamId, query, now }: ManifestRequest): string {
  const { leading, renditions } = packager;
  const windowSeconds = leading ? leading.segments.reduce((sum, segment) => sum + (segment.gap ? 0 : segment.seconds), 0) : 0;
  const longest = Math.max(0, ...(leading?.segments.filter((segment) => !segment.gap).map((segment) => segment.seconds) ?? []));
  return writeManifest({
    createdAt: packager.createdAt,
    publishedAt: now,
    ended: packager.ended,
    periods: leading ? periodsOf(leading, renditions, { streamId, query }) : [],
    windowSeconds,
    updateSeconds: UPDATE_SECONDS,
    delaySeconds: Math.max(LEAST_DELAY_SECONDS, DELAY_SEGMENTS * longest),
    timeUrl: '/dash/time',
  });
}

interface Address {
  readonly streamId: string;
  readonly query: string;
}

/** The period begins with the leading rendition and stays there while its first segments leave the window. */
function periodsOf(leading: Rendition, renditions: readonly Rendition[], address: Address): ManifestPeriod[] {
  const numbers = [...new Set(leading.segments.filter((segment) => segment.complete && !segment.gap).map((segment) => segment.discontinuitySequence))];
  const periods: ManifestPeriod[] = [];
  for (const number of numbers) {
    const start = leading.segments.find((segment) => segment.discontinuitySequence === number && segment.periodStart !== undefined)?.periodStart ?? 0;
    const tracks = renditions.map((rendition) => trackOf(rendition, number, address)).filter((track) => track !== undefined);
    if (tracks.length > 0) periods.push({ id: `p${number}`, start, tracks });
  }
  return periods;
}

function trackOf(rendition: Rendition, discontinuitySequence: number, { streamId, query }: Address): ManifestTrack | undefined {
  const segments = lastRun(rendition.segments.filter((segment) => segment.complete && segment.discontinuitySequence === discontinuitySequence));
  const [first] = segments;
  const track = first?.track;
  const epoch = first && EPOCH_PLACE.exec(first.uri)?.[1];
  if (!first || !track || epoch === undefined) return undefined;
  const folder = `../../hls/${streamId}/${rendition.name}`;
  const seconds = segments.reduce((sum, segment) => sum + segment.seconds, 0);
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  return {
    name: rendition.name,
    kind: track.kind,
    codecs: track.codecString,
    timescale: first.timescale,
    bandwidth: seconds > 0 ? Math.round((bytes * 8) / seconds) : 0,
    width: track.kind === 'video' ? track.width : 0,
    height: track.kind === 'video' ? track.height : 0,
    sampleRate: track.kind === 'audio' ? track.sampleRate : 0,
    channels: track.kind === 'audio' ? track.channels : 0,
    init: `${folder}/${first.mapUri}${query}`,
    media: `${folder}/${epoch}-$Number$.m4s${query}`,
    segments: segments.map(({ msn, startTicks = 0, durationTicks }) => ({ msn, start: startTicks, duration: durationTicks })),
  };
}

/** Numbers follow from the first one, so a gap in the middle cannot be told: what is before it is left out. */
function lastRun(segments: readonly Segment[]): readonly Segment[] {
  const gap = segments.findLastIndex((segment) => segment.gap);
  return segments.slice(gap + 1);
}
