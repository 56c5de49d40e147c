/** The DASH manifest of a packager: the segments of its renditions, addressed where HLS has them. */
import { type ManifestAddressing, type ManifestPeriod, type ManifestTrack, writeManifest } from '@millrace/media/mpd/manifest';
import { SharedText } from '../../transports/http/shared-text.ts';
import { knownFrameRate } from '../cmaf/frame-rate.ts';
import type { ListedSegment } from '../cmaf/listed-segment.ts';
import { DEFAULT_PACKAGER_CONFIG, type Packager } from '../cmaf/packager.ts';
import type { Rendition } from '../cmaf/rendition.ts';
import { usualFrameSeconds } from '../cmaf/usual-frame.ts';
import { VersionedTexts } from '../cmaf/versioned-texts.ts';
import { type DashPeriod, PeriodHistory } from './period-history.ts';

/** What ends the period that a player is in is told within this. */
const UPDATE_SECONDS = 1;

/** Players of lists stay this many of the longest listed segments behind the wall clock, so that a whole one is always there. */
const DELAY_SEGMENTS = 2;

/** Twice the usual segment. */
const LEAST_DELAY_SECONDS = 4;

/** Players that take parts as they are made: a part on its way, two in the buffer, and what a busy machine needs. */
const LOW_DELAY_SECONDS = 1.8;

/** Shaka counts the delay from the suggested one, so both together are what it keeps; dash.js looks at the delay alone. */
const LOW_START_SECONDS = 1;

const EPOCH_PLACE = /^(.*)-\d+\.m4s$/;

export interface ManifestRequest {
  readonly streamId: string;
  /** `` or `?token=…`. */
  readonly query: string;
  readonly now: number;
}

/** What the manifests of a broadcast have said: a period that was announced stays what it was. */
export class PackagerManifest {
  readonly #packager: Packager;
  readonly #history: PeriodHistory;
  readonly #texts = new VersionedTexts();

  constructor(packager: Packager) {
    this.#packager = packager;
    this.#history = new PeriodHistory({
      segmentSeconds: DEFAULT_PACKAGER_CONFIG.segmentMs / 1000,
      frameSeconds: exactFrameSeconds(packager),
      isSound: packager.leading?.track?.kind === 'audio',
      isOver: packager.ended,
    });
  }

  /** As `text`, shared by all who ask for the same. */
  shared(request: ManifestRequest): SharedText | undefined {
    return this.#texts.get(this.#packager.version, request.query, () => {
      const text = this.text(request);
      return text === undefined ? undefined : new SharedText(text);
    });
  }

  /** Undefined while there is nothing to play, or too little for a player to stay behind. */
  text({ streamId, query, now }: ManifestRequest): string | undefined {
    const { leading, renditions, ended, createdAt } = this.#packager;
    if (!leading) return undefined;
    this.#look(leading, renditions);
    const { periods } = this.#history;
    const open = periods.at(-1);
    const isLow = !ended && open?.segmentSeconds !== undefined;
    const first = periods[0];
    const longest = Math.max(0, ...leading.segments.flatMap((segment) => (segment.complete && !segment.gap ? segment.seconds : [])));
    if (!first || (isLow && edgeOf(leading) - first.start < LOW_DELAY_SECONDS)) return undefined;
    const written = periods
      .map((period, i) =>
        periodOf(i < periods.length - 1 || ended ? period : { ...period, last: undefined }, { packager: this.#packager, leading, renditions, streamId, query, ended }),
      )
      .filter((period) => period.tracks.length > 0);
    if (written.length === 0) return undefined;
    const delaySeconds = isLow ? LOW_DELAY_SECONDS : Math.max(LEAST_DELAY_SECONDS, DELAY_SEGMENTS * longest);
    return writeManifest({
      createdAt,
      publishedAt: now,
      ended,
      periods: written,
      windowSeconds: windowOf(this.#packager, leading),
      updateSeconds: UPDATE_SECONDS,
      delaySeconds,
      startDelaySeconds: isLow ? LOW_START_SECONDS : delaySeconds,
      maxSegmentSeconds: Math.max(longest, open?.segmentSeconds ?? 0),
      timeUrl: '/dash/time',
    });
  }

  /** Takes in the segments that every rendition has completed since the last time. */
  #look(leading: Rendition, renditions: readonly Rendition[]): void {
    const seen = this.#history.seenMsn ?? -1;
    const complete = Math.min(...renditions.map((rendition) => (rendition.ended ? Number.POSITIVE_INFINITY : rendition.open.msn)));
    const packager = this.#packager;
    const sources = renditions.filter(({ tier }) => tier === undefined);
    const tiers = renditions.filter(({ tier }) => tier !== undefined);
    const has = (rendition: Rendition, msn: number): boolean => (rendition.findSegment(msn) ?? packager.past?.media(rendition.name, msn)) !== undefined;
    const listed = packager.listed(leading);
    for (const segment of listed.slice(Math.max(0, seen + 1 - (listed[0]?.msn ?? 0)))) {
      if (segment.msn >= complete || !segment.complete) continue;
      this.#history.see({
        msn: segment.msn,
        start: (segment.startTicks ?? 0) / segment.timescale,
        seconds: segment.seconds,
        discontinuitySequence: segment.discontinuitySequence,
        final: segment.final,
        gap: segment.gap,
        silent: namesOf(sources.filter((rendition) => !has(rendition, segment.msn))),
        tiers: namesOf(tiers.filter((rendition) => has(rendition, segment.msn))),
      });
    }
    this.#history.trim(listed.find((segment) => !segment.gap)?.msn ?? 0);
  }
}

function namesOf(renditions: readonly Rendition[]): string {
  return renditions.map(({ name }) => name).join(' ');
}

/** Undefined where it would have to be measured. */
function exactFrameSeconds(packager: Packager): number | undefined {
  const { leading } = packager;
  const frameSeconds = leading && packager.frameSecondsOf(leading);
  // Times of sound are counted in samples.
  if (leading?.track?.kind === 'audio') return usualFrameSeconds(leading.track);
  const rate = frameSeconds === undefined ? undefined : knownFrameRate(frameSeconds);
  return rate === undefined ? undefined : 1 / rate;
}

/** Where the media of a rendition ends now, seconds since the broadcast began. */
function edgeOf({ open, segments }: Rendition): number {
  const last = open.parts.length > 0 ? open : segments.findLast((segment) => segment.complete && !segment.gap);
  return last ? (last.startTicks ?? 0) / last.timescale + last.seconds : 0;
}

/** From the first segment that is listed to where the media ends, seconds. */
function windowOf(packager: Packager, leading: Rendition): number {
  const first = packager.listed(leading).find((segment) => segment.complete && !segment.gap);
  const last = leading.segments.findLast((segment) => segment.complete && !segment.gap);
  return first && last ? endOf(last) - (first.startTicks ?? 0) / first.timescale : 0;
}

function endOf({ startTicks = 0, timescale, seconds }: ListedSegment): number {
  return startTicks / timescale + seconds;
}

interface PeriodContext {
  readonly packager: Packager;
  readonly leading: Rendition;
  readonly renditions: readonly Rendition[];
  readonly streamId: string;
  readonly query: string;
  readonly ended: boolean;
}

function periodOf(period: DashPeriod, context: PeriodContext): ManifestPeriod {
  const { leading, renditions, ended } = context;
  const tracks = renditions.map((rendition) => trackOf(rendition, period, context)).filter((track) => track !== undefined);
  return { id: `p${period.firstMsn}`, start: period.start, end: period.last?.end ?? (ended ? edgeOf(leading) : undefined), tracks };
}

function trackOf(rendition: Rendition, period: DashPeriod, { packager, streamId, query, ended }: PeriodContext): ManifestTrack | undefined {
  const { firstMsn, last, discontinuitySequence, segmentSeconds } = period;
  const isClocked = segmentSeconds !== undefined && !ended;
  const listed = packager.listed(rendition);
  const from = firstMsn - (listed[0]?.msn ?? 0);
  // Numbers have no holes. Of a period by the clock the first segment tells all, and what is in memory tells its bandwidth.
  const near = isClocked && !rendition.tier ? [...listed.slice(Math.max(0, from), Math.max(0, from) + 1), ...rendition.segments] : listed;
  const inPeriod = near.filter((segment) => segment.discontinuitySequence === discontinuitySequence && segment.msn <= (last?.msn ?? segment.msn));
  // A tier that began or ended within the period belongs to the next one, or to none.
  if (rendition.tier && inPeriod.some(({ msn, gap }) => gap && msn >= firstMsn)) return undefined;
  const complete = lastRun(inPeriod.filter((segment) => segment.msn >= firstMsn && segment.complete));
  // A period by the clock can begin with the segment that is made now, or made next.
  const [first] = complete.length > 0 ? complete : isClocked ? inPeriod.slice(-1) : [];
  const track = first?.track;
  const epoch = first && EPOCH_PLACE.exec(first.uri)?.[1];
  if (!first || first.gap || !track || epoch === undefined) return undefined;
  const folder = `../../hls/${streamId}/${rendition.name}`;
  const seconds = inPeriod.reduce((sum, segment) => sum + segment.seconds, 0);
  const bytes = inPeriod.reduce((sum, segment) => sum + segment.bytes, 0);
  const addressing: ManifestAddressing = isClocked
    ? { type: 'clock', seconds: segmentSeconds, firstMsn, lastMsn: last?.msn, aheadSeconds: Math.max(0, segmentSeconds - rendition.header.partTargetSeconds) }
    : { type: 'list', segments: complete.map(({ msn, startTicks = 0, durationTicks }) => ({ msn, start: startTicks, duration: durationTicks })) };
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
    addressing,
  };
}

/** Numbers follow from the first one, so a gap in the middle cannot be told: what is before it is left out. */
function lastRun(segments: readonly ListedSegment[]): readonly ListedSegment[] {
  const gap = segments.findLastIndex((segment) => segment.gap);
  return segments.slice(gap + 1);
}
