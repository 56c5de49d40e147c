/** The playlists and the manifest of a recording, from its index. */
import type { PlaylistSegment } from '@millrace/media/m3u8/media-playlist';
import { type AudioRendition, type Variant, writeMultivariantPlaylist } from '@millrace/media/m3u8/multivariant-playlist';
import { writeVodPlaylist } from '@millrace/media/m3u8/vod-playlist';
import { type ManifestPeriod, type ManifestTrack, writeManifest } from '@millrace/media/mpd/manifest';
import { frameRateOf } from '../cmaf/frame-rate.ts';
import { writeStoryboard } from '../thumbnail/cues.ts';
import type { ArchivedSegment } from './archived-segment.ts';
import type { StoredArchive, StoredRendition } from './read-archive.ts';
import { runsOf, stretchesOf } from './stretches.ts';

/** A size that was there for less of the recording is none to change to: tiers are made only while somebody watches them. */
const LEAST_SHARE = 0.95;

/** A player only compares it. */
const LEAST_BANDWIDTH = 64_000;

/** Every picture is a variant, best first; sounds are a group beside them, or the only variant. */
export function vodMultivariant({ renditions }: StoredArchive, query: string): string {
  const pictures = renditions.filter((rendition) => usualTrack(rendition)?.kind === 'video');
  const longest = Math.max(0, ...pictures.map(secondsOf));
  const video = pictures.filter((rendition, i) => i === 0 || secondsOf(rendition) >= LEAST_SHARE * longest);
  const audio = renditions.filter((rendition) => usualTrack(rendition)?.kind === 'audio');
  const leads = video.length > 0 ? video : audio.slice(0, 1);
  const beside = video.length > 0 ? audio : [];
  const soundBandwidth = beside[0] ? bandwidth(beside[0].segments) : { peak: 0, average: 0 };
  const variants = leads.map((rendition): Variant => {
    const own = bandwidth(rendition.segments);
    const track = usualTrack(rendition);
    const { frameSeconds } = [...rendition.formats.values()][0] ?? {};
    return {
      uri: `${rendition.name}/index.m3u8`,
      codecs: [...new Set([rendition, ...beside.slice(0, 1)].flatMap((each) => usualTrack(each)?.codecString ?? []))].filter((codec) => codec !== ''),
      bandwidth: Math.max(LEAST_BANDWIDTH, own.peak + soundBandwidth.peak),
      averageBandwidth: Math.max(LEAST_BANDWIDTH, own.average + soundBandwidth.average),
      resolution: track?.kind === 'video' && track.width > 0 && track.height > 0 ? { width: track.width, height: track.height } : undefined,
      frameRate: track?.kind === 'video' && frameSeconds ? frameRateOf(frameSeconds) : undefined,
    };
  });
  const group = beside.map((rendition, i): AudioRendition => {
    const track = usualTrack(rendition);
    return { uri: `${rendition.name}/index.m3u8`, name: i === 0 ? 'Sound' : `Sound ${i + 1}`, channels: track?.kind === 'audio' ? track.channels : 2, isDefault: i === 0 };
  });
  return writeMultivariantPlaylist(variants, group, query);
}

/** Undefined when there is no such rendition. */
export function vodMedia({ renditions }: StoredArchive, name: string, query: string): string | undefined {
  const rendition = renditions.find((each) => each.name === name);
  const [leading] = renditions;
  return rendition && leading && writeVodPlaylist(inStep(rendition, leading), query);
}

/** A rendition that came later begins with gaps, so that every playlist has the same segments at the same times. */
function inStep({ segments }: StoredRendition, leading: StoredRendition): readonly PlaylistSegment[] {
  const [first] = segments;
  if (!first) return segments;
  const missing = leading.segments.filter(({ msn }) => msn < first.msn);
  const gaps = missing.map((segment): PlaylistSegment => {
    const { seconds, startsAt, discontinuity, discontinuitySequence, uri } = segment;
    return { uri, mapUri: first.mapUri, seconds, parts: [], complete: true, gap: true, discontinuity, discontinuitySequence, startsAt };
  });
  return [...gaps, ...segments];
}

/** Previews of the bar, in the seconds of playlist, manifest and MP4. */
export function vodStoryboard({ renditions, tiles, about }: StoredArchive, query: string): string {
  const [leading] = renditions;
  return writeStoryboard({ epoch: about.epoch, tiles, stretches: leading ? stretchesOf(leading) : [], query });
}

/** Undefined when nothing can be told: there is no rendition. */
export function vodManifest(archive: StoredArchive, query: string): string | undefined {
  const { renditions, about } = archive;
  const [leading] = renditions;
  if (!leading) return undefined;
  const periods = stretchesOf(leading).map(({ firstMsn, lastMsn, start, end, shownAt }): ManifestPeriod => {
    const tracks = renditions.flatMap((rendition) => trackOf(rendition, { first: firstMsn, last: lastMsn, query, epoch: about.epoch }) ?? []);
    return { id: `p${firstMsn}`, start, end, shownAt, tracks };
  });
  return writeManifest({
    createdAt: about.createdAt,
    publishedAt: about.createdAt,
    ended: true,
    periods,
    windowSeconds: 0,
    updateSeconds: 0,
    delaySeconds: 0,
    startDelaySeconds: 0,
    maxSegmentSeconds: Math.max(0, ...leading.segments.map(({ seconds }) => seconds)),
    timeUrl: '',
  });
}

interface TrackPlace {
  readonly first: number;
  readonly last: number;
  readonly query: string;
  readonly epoch: string;
}

/** Numbers follow from the first one: of a rendition with a hole in this stretch, the longest run is told. */
function trackOf(rendition: StoredRendition, { first, last, query, epoch }: TrackPlace): ManifestTrack | undefined {
  const runs = runsOf(rendition.segments.filter(({ msn }) => msn >= first && msn <= last));
  const segments = runs.reduce((longest, run) => (run.length > longest.length ? run : longest), []);
  const track = segments[0]?.track;
  if (!segments[0] || !track) return undefined;
  // Players change between sizes anywhere: one that is not all there is left out of the stretch. Sound may come later.
  if (track.kind === 'video' && segments.length < last - first + 1) return undefined;
  return {
    name: rendition.name,
    kind: track.kind,
    codecs: track.codecString,
    timescale: segments[0].timescale,
    bandwidth: bandwidth(segments).average,
    width: track.kind === 'video' ? track.width : 0,
    height: track.kind === 'video' ? track.height : 0,
    sampleRate: track.kind === 'audio' ? track.sampleRate : 0,
    channels: track.kind === 'audio' ? track.channels : 0,
    init: `${rendition.name}/${segments[0].mapUri}${query}`,
    media: `${rendition.name}/${epoch}-$Number$.m4s${query}`,
    addressing: { type: 'list', segments: segments.map(({ msn, startTicks = 0, durationTicks }) => ({ msn, start: startTicks, duration: durationTicks })) },
  };
}

/** What most of it is in. */
export function usualTrack({ segments, formats }: StoredRendition) {
  const seconds = new Map<number, number>();
  for (const { record } of segments) if (!record.gap) seconds.set(record.format, (seconds.get(record.format) ?? 0) + record.seconds);
  const [usual] = [...seconds].sort((a, b) => b[1] - a[1]);
  return usual && formats.get(usual[0])?.track;
}

/** Of media. */
function secondsOf({ segments }: StoredRendition): number {
  return segments.reduce((sum, { gap, seconds }) => sum + (gap ? 0 : seconds), 0);
}

function bandwidth(segments: readonly ArchivedSegment[]): { readonly peak: number; readonly average: number } {
  let bits = 0;
  let seconds = 0;
  let peak = 0;
  for (const segment of segments) {
    if (segment.bytes === 0 || segment.seconds === 0) continue;
    bits += segment.bytes * 8;
    seconds += segment.seconds;
    peak = Math.max(peak, (segment.bytes * 8) / segment.seconds);
  }
  return { peak: Math.round(peak), average: seconds === 0 ? 0 : Math.round(bits / seconds) };
}
