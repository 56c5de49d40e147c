/** The playlists of a packager as text, built when somebody asks and shared by everybody who asks for the same. */
import { writeMediaPlaylist } from '@millrace/media/m3u8/media-playlist';
import { writeMultivariantPlaylist } from '@millrace/media/m3u8/multivariant-playlist';
import type { Track, VideoTrack } from '@millrace/media/track';
import { SharedText } from '../../transports/http/shared-text.ts';
import { dividedFrameRate, frameRateOf } from '../cmaf/frame-rate.ts';
import type { Packager } from '../cmaf/packager.ts';
import type { Rendition } from '../cmaf/rendition.ts';
import { VersionedTexts } from '../cmaf/versioned-texts.ts';

/** When nothing was measured yet; a player only compares it. */
const LEAST_BANDWIDTH = 64_000;

export class PlaylistTexts {
  readonly #texts = new WeakMap<Rendition, VersionedTexts>();

  /** @param query `` or `?token=…`, put behind every URI. */
  media(packager: Packager, rendition: Rendition, query: string, skip: boolean): SharedText {
    let texts = this.#texts.get(rendition);
    if (!texts) {
      texts = new VersionedTexts();
      this.#texts.set(rendition, texts);
    }
    return texts.get(packager.version, skip ? `skip ${query}` : query, () => new SharedText(mediaText(packager, rendition, query, skip)));
  }
}

function mediaText(packager: Packager, rendition: Rendition, query: string, skip: boolean): string {
  const { header, ended, hint } = rendition;
  const segments = packager.listed(rendition);
  const reports = packager.renditions.filter((other) => other !== rendition).map((other) => other.report);
  return writeMediaPlaylist({ header, mediaSequence: segments[0]?.msn ?? 0, segments, ended, hint, reports }, { query, skip });
}

/** Every video rendition is a variant, best first, but for those that show nothing now; the audio ones are a group beside them, or the only variant. */
export function multivariantText(packager: Packager, query: string): string {
  const renditions = packager.renditions.filter((rendition) => formatOf(rendition) !== undefined);
  const pictures = renditions.filter((rendition) => formatOf(rendition)?.kind === 'video');
  const shown = pictures.filter((rendition) => rendition.tier !== undefined || !hasStopped(rendition));
  const video = shown.length > 0 ? shown : pictures;
  const audio = renditions.filter((rendition) => rendition.track?.kind === 'audio');
  const [firstAudio] = audio;
  const leads = video.length > 0 ? video : audio.slice(0, 1);
  const beside = video.length > 0 ? audio : [];
  const variants = leads.map((rendition) => {
    const own = neededBandwidth(packager, rendition);
    const other = beside.length > 0 && firstAudio ? bandwidth(firstAudio) : { peak: 0, average: 0 };
    const track = formatOf(rendition);
    const frameRate = frameRateFor(packager, rendition);
    const codecs = [track?.codecString, ...beside.slice(0, 1).map((each) => each.track?.codecString)].filter((codec) => codec !== undefined && codec !== '');
    return {
      uri: `${rendition.name}/index.m3u8`,
      codecs: codecs.filter((codec) => codec !== undefined),
      bandwidth: Math.max(LEAST_BANDWIDTH, own.peak + other.peak),
      averageBandwidth: Math.max(LEAST_BANDWIDTH, own.average + other.average),
      resolution: track?.kind === 'video' && track.width > 0 && track.height > 0 ? { width: track.width, height: track.height } : undefined,
      frameRate: track?.kind === 'video' ? frameRate : undefined,
    };
  });
  const group = beside.map((rendition, i) => ({
    uri: `${rendition.name}/index.m3u8`,
    name: i === 0 ? 'Sound' : `Sound ${i + 1}`,
    channels: rendition.track?.kind === 'audio' ? rendition.track.channels : 2,
    isDefault: i === 0,
  }));
  return writeMultivariantPlaylist(variants, group, query);
}

/** A tier that has yet to begin is told by its plan. */
function formatOf({ track, tier }: Rendition): Track | undefined {
  return track ?? tier?.track;
}

/** A player chooses a tier by what the tier may come to need, since what was measured in a quiet scene says little. It never needs more than the source. */
function neededBandwidth({ leading }: Packager, rendition: Rendition): { readonly peak: number; readonly average: number } {
  const measured = bandwidth(rendition);
  const { tier } = rendition;
  if (!tier) return measured;
  const source = leading && leading !== rendition ? bandwidth(leading) : undefined;
  const most = Math.min(tier.bitsPerSecond, Math.round((source?.average || Number.POSITIVE_INFINITY) * shareOf(tier.track, leading?.track)));
  return { peak: Math.max(measured.peak, most), average: measured.average || most };
}

/** What a smaller picture takes of the bits of a larger one, about: fewer pixels need more bits each. */
function shareOf(smaller: VideoTrack, larger: Track | undefined): number {
  if (larger?.kind !== 'video') return 1;
  return Math.min(1, ((smaller.width * smaller.height) / Math.max(1, larger.width * larger.height)) ** 0.75);
}

/** Tiers leave out pictures of a source that is faster than they may be. */
function frameRateFor(packager: Packager, rendition: Rendition): number | undefined {
  const source = rendition.tier ? packager.leading : rendition;
  const frameSeconds = source && packager.frameSecondsOf(source);
  const rate = frameSeconds && frameRateOf(frameSeconds);
  return rate && rendition.tier ? dividedFrameRate(rate, rendition.tier.maxFramesPerSecond) : rate;
}

/** The gaps in front of a rendition's beginning are of no format yet. */
function hasStopped(rendition: Rendition): boolean {
  return rendition.isSilent && rendition.segments.findLast(({ complete }) => complete)?.track !== undefined;
}

/** Bits a second over the listed segments: the largest segment and all of them. */
export function bandwidth(rendition: Rendition): { readonly peak: number; readonly average: number } {
  let bits = 0;
  let seconds = 0;
  let peak = 0;
  for (const segment of rendition.segments) {
    if (segment.bytes === 0 || segment.seconds === 0) continue;
    bits += segment.bytes * 8;
    seconds += segment.seconds;
    // A segment that has just begun is all key frame and would tell a peak that is none.
    if (segment.complete) peak = Math.max(peak, (segment.bytes * 8) / segment.seconds);
  }
  const average = seconds === 0 ? 0 : Math.round(bits / seconds);
  return { peak: Math.max(average, Math.round(peak)), average };
}
