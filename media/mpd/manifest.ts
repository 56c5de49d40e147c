/** Writes the DASH manifest of a broadcast: one period for each stretch without a discontinuity, times aligned to the wall clock. */

export interface ManifestSegment {
  readonly msn: number;
  /** In the track's ticks, counted from the broadcast's beginning. */
  readonly start: number;
  readonly duration: number;
}

export interface ManifestTrack {
  readonly name: string;
  readonly kind: 'video' | 'audio';
  readonly codecs: string;
  readonly timescale: number;
  readonly bandwidth: number;
  readonly width: number;
  readonly height: number;
  readonly sampleRate: number;
  readonly channels: number;
  /** File names; `$Number$` stands for the segment's number. */
  readonly init: string;
  readonly media: string;
  readonly addressing: ManifestAddressing;
}

/** How players find segments: in a list, or by the clock. */
export type ManifestAddressing =
  | { readonly type: 'list'; readonly segments: readonly ManifestSegment[] }
  | {
      readonly type: 'clock';
      /** Seconds that every segment lasts. */
      readonly seconds: number;
      readonly firstMsn: number;
      /** Known once the period is over. */
      readonly lastMsn: number | undefined;
      /** How long before its end a segment can be asked for; it then arrives as it is made. */
      readonly aheadSeconds: number;
    };

export interface ManifestPeriod {
  readonly id: string;
  /** Seconds since the broadcast began. */
  readonly start: number;
  /** Likewise; undefined while the period grows. */
  readonly end: number | undefined;
  /** Where it is shown in what is over, seconds from the beginning, when that is not where it was: without the time that nothing came. */
  readonly shownAt?: number;
  readonly tracks: readonly ManifestTrack[];
}

export interface Manifest {
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  readonly publishedAt: number;
  readonly ended: boolean;
  readonly periods: readonly ManifestPeriod[];
  readonly windowSeconds: number;
  readonly updateSeconds: number;
  /** How far behind the wall clock players are to be. */
  readonly delaySeconds: number;
  /** How far behind players begin that count `delaySeconds` from there. */
  readonly startDelaySeconds: number;
  /** The longest a segment may last. */
  readonly maxSegmentSeconds: number;
  readonly timeUrl: string;
}

/** Microseconds: a duration that is off by half of one adds up to a frame after half a day of short segments. */
const FINE_TIMESCALE = 1_000_000;

export function writeManifest(manifest: Manifest): string {
  const { ended, periods } = manifest;
  const live = `type="dynamic" availabilityStartTime="${iso(manifest.createdAt)}" publishTime="${iso(manifest.publishedAt)}" minimumUpdatePeriod="${duration(manifest.updateSeconds)}" timeShiftBufferDepth="${duration(manifest.windowSeconds)}" suggestedPresentationDelay="${duration(manifest.startDelaySeconds)}" maxSegmentDuration="${duration(manifest.maxSegmentSeconds)}"`;
  const first = periods[0]?.start ?? 0;
  const last = periods.at(-1);
  const length = last ? (last.shownAt ?? last.start - first) + (last.end ?? last.start) - last.start : 0;
  const over = `type="static" mediaPresentationDuration="${duration(length)}"`;
  let text = `<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" minBufferTime="PT1S" ${ended ? over : live}>
`;
  if (!ended) {
    const target = Math.round(manifest.delaySeconds * 1000);
    text += `<ServiceDescription id="0"><Latency target="${target}" min="${Math.round(target / 2)}" max="${target * 4}"/><PlaybackRate min="0.95" max="1.1"/></ServiceDescription>\n`;
  }
  for (const period of periods) text += writePeriod(period, ended ? first : 0);
  if (!ended) text += `<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="${xml(manifest.timeUrl)}"/>\n`;
  return `${text}</MPD>\n`;
}

/** Only the last period of a live broadcast grows; the others say how long they were. */
function writePeriod({ id, start, end, shownAt, tracks }: ManifestPeriod, origin: number): string {
  const length = end === undefined ? '' : ` duration="${duration(end - start)}"`;
  let text = `<Period id="${xml(id)}" start="${duration(shownAt ?? start - origin)}"${length}>\n`;
  for (const [i, set] of adaptationSets(tracks).entries()) text += writeAdaptationSet(set, i, start);
  return `${text}</Period>\n`;
}

/** Pictures of one codec are one picture at several sizes, between which players change; each sound is a choice of its own. */
function adaptationSets(tracks: readonly ManifestTrack[]): ManifestTrack[][] {
  const sets: ManifestTrack[][] = [];
  for (const track of tracks) {
    const same = sets.find(([first]) => first?.kind === 'video' && track.kind === 'video' && sampleEntry(first) === sampleEntry(track));
    if (same) same.push(track);
    else sets.push([track]);
  }
  return sets;
}

function sampleEntry({ codecs }: ManifestTrack): string {
  return codecs.split('.')[0] ?? '';
}

function writeAdaptationSet(tracks: readonly ManifestTrack[], id: number, periodStart: number): string {
  const kind = tracks[0]?.kind;
  let text = `<AdaptationSet id="${id}" contentType="${kind}" mimeType="${kind}/mp4" segmentAlignment="true" startWithSAP="1">\n`;
  for (const track of tracks) text += writeRepresentation(track, periodStart);
  return `${text}</AdaptationSet>\n`;
}

function writeRepresentation(track: ManifestTrack, periodStart: number): string {
  const shape = track.kind === 'video' ? ` width="${track.width}" height="${track.height}"` : ` audioSamplingRate="${track.sampleRate}"`;
  let text = `<Representation id="${xml(track.name)}" bandwidth="${Math.max(1, track.bandwidth)}" codecs="${xml(track.codecs)}"${shape}>`;
  if (track.kind === 'audio') text += `<AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="${track.channels}"/>`;
  return `${text}\n${writeTemplate(track, periodStart)}</Representation>\n`;
}

function writeTemplate({ timescale, addressing, init, media }: ManifestTrack, periodStart: number): string {
  const files = `initialization="${xml(init)}" media="${xml(media)}"`;
  if (addressing.type === 'list') {
    const { segments } = addressing;
    let text = `<SegmentTemplate timescale="${timescale}" presentationTimeOffset="${Math.round(periodStart * timescale)}" startNumber="${segments[0]?.msn ?? 0}" ${files}><SegmentTimeline>`;
    for (const { start, duration: ticks } of segments) text += `<S t="${start}" d="${ticks}"/>`;
    return `${text}</SegmentTimeline></SegmentTemplate>`;
  }
  const { seconds, firstMsn, lastMsn, aheadSeconds } = addressing;
  const numbers = `startNumber="${firstMsn}"${lastMsn === undefined ? '' : ` endNumber="${lastMsn}"`}`;
  const times = `timescale="${FINE_TIMESCALE}" presentationTimeOffset="${Math.round(periodStart * FINE_TIMESCALE)}" duration="${Math.round(seconds * FINE_TIMESCALE)}"`;
  return `<SegmentTemplate ${times} ${numbers} availabilityTimeOffset="${decimal(aheadSeconds)}" availabilityTimeComplete="false" ${files}/>`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function duration(seconds: number): string {
  return `PT${decimal(Math.max(0, seconds))}S`;
}

function decimal(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}
