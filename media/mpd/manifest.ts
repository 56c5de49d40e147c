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
  readonly segments: readonly ManifestSegment[];
}

export interface ManifestPeriod {
  readonly id: string;
  /** Seconds since the broadcast began. */
  readonly start: number;
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
  readonly delaySeconds: number;
  readonly timeUrl: string;
}

export function writeManifest(manifest: Manifest): string {
  const { ended, periods } = manifest;
  const live = `type="dynamic" availabilityStartTime="${iso(manifest.createdAt)}" publishTime="${iso(manifest.publishedAt)}" minimumUpdatePeriod="${duration(manifest.updateSeconds)}" timeShiftBufferDepth="${duration(manifest.windowSeconds)}" suggestedPresentationDelay="${duration(manifest.delaySeconds)}"`;
  const first = periods[0]?.start ?? 0;
  const over = `type="static" mediaPresentationDuration="${duration(endOf(periods) - first)}"`;
  let text = `<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" minBufferTime="PT1S" ${ended ? over : live}>
`;
  if (!ended) {
    const target = Math.round(manifest.delaySeconds * 1000);
    text += `<ServiceDescription id="0"><Latency target="${target}" min="${Math.round(target / 2)}" max="${target * 4}"/><PlaybackRate min="0.96" max="1.04"/></ServiceDescription>\n`;
  }
  for (const [i, period] of periods.entries()) text += writePeriod(period, { manifest, origin: ended ? first : 0, isLast: i === periods.length - 1 });
  if (!ended) text += `<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="${xml(manifest.timeUrl)}"/>\n`;
  return `${text}</MPD>\n`;
}

/** Only the last period of a live broadcast grows; the others say how long they were. */
function writePeriod(period: ManifestPeriod, { manifest, origin, isLast }: { manifest: Manifest; origin: number; isLast: boolean }): string {
  const length = isLast && !manifest.ended ? '' : ` duration="${duration(endOf([period]) - period.start)}"`;
  let text = `<Period id="${xml(period.id)}" start="${duration(period.start - origin)}"${length}>\n`;
  for (const [i, track] of period.tracks.entries()) text += writeTrack(track, i, period.start);
  return `${text}</Period>\n`;
}

function writeTrack(track: ManifestTrack, id: number, periodStart: number): string {
  const { kind, segments, timescale } = track;
  const mime = `${kind}/mp4`;
  const shape = kind === 'video' ? ` width="${track.width}" height="${track.height}"` : ` audioSamplingRate="${track.sampleRate}"`;
  let text = `<AdaptationSet id="${id}" contentType="${kind}" mimeType="${mime}" segmentAlignment="true" startWithSAP="1">
<SegmentTemplate timescale="${timescale}" presentationTimeOffset="${Math.round(periodStart * timescale)}" startNumber="${segments[0]?.msn ?? 0}" initialization="${xml(track.init)}" media="${xml(track.media)}"><SegmentTimeline>`;
  for (const { start, duration: ticks } of segments) text += `<S t="${start}" d="${ticks}"/>`;
  text += `</SegmentTimeline></SegmentTemplate>\n<Representation id="${xml(track.name)}" bandwidth="${Math.max(1, track.bandwidth)}" codecs="${xml(track.codecs)}"${shape}>`;
  if (kind === 'audio') text += `<AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="${track.channels}"/>`;
  return `${text}</Representation>\n</AdaptationSet>\n`;
}

/** Where the media of these periods ends, seconds since the broadcast began. */
function endOf(periods: readonly ManifestPeriod[]): number {
  let end = 0;
  for (const { start, tracks } of periods) {
    end = Math.max(end, start);
    for (const { segments, timescale } of tracks) {
      const last = segments.at(-1);
      if (last) end = Math.max(end, (last.start + last.duration) / timescale);
    }
  }
  return end;
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
