/** What a WHEP offer can take of a stream's tracks. Pure. */
import { payloadForTrack, retransmissionOf } from '@millrace/media/sdp/codec-match';
import type { SdpMedia, SessionDescription } from '@millrace/media/sdp/description';
import type { Track } from '@millrace/media/track';
import type { AcceptedMedia } from '../../transports/webrtc/answer.ts';
import { isCarried } from '../../transports/webrtc/remote-end.ts';
import type { OutgoingTrack } from './outgoing-track.ts';
import type { PictureForm } from './track-source.ts';

const VIDEO_FEEDBACK = ['nack', 'nack pli', 'ccm fir'];

/** How packets that were lost are sent again: in a stream of their own (RFC 4588). */
export interface Retransmission {
  readonly payloadType: number;
  readonly ssrc: number;
}

/** How packets of another codec are named, and those of them that are sent again. */
export interface OtherPayload {
  readonly payloadType: number;
  readonly retransmission: number | undefined;
}

export interface Matched {
  readonly outgoing: OutgoingTrack;
  readonly payloadType: number;
  /** Undefined for peers that know no such stream: they get lost packets again as they were. */
  readonly retransmission: Retransmission | undefined;
  /** For sizes of the picture in another codec. */
  readonly others: ReadonlyMap<Track['codec'], OtherPayload>;
  readonly accepted: AcceptedMedia;
}

interface Naming {
  readonly cname: string;
  readonly streamId: string;
}

/** What tiers are: Main profile. */
const TIER = { codec: 'h264', codecString: 'avc1.4d401f' } as const;

/** A viewer who cannot take the picture as it is published (HEVC in most browsers) gets it in H.264, if it takes that. */
export function pictureForm(offer: SessionDescription, published: readonly Track[]): PictureForm {
  const picture = published.find(({ kind }) => kind === 'video');
  const media = offer.media.filter((medium) => medium.kind === 'video' && isCarried(medium) && receives(medium));
  if (!picture || picture.codec === 'h264') return 'published';
  const taking = media.filter((medium) => payloadForTrack(medium, picture));
  if (taking.length > 0) return taking.some((medium) => payloadForTrack(medium, TIER)) ? 'either' : 'published';
  return media.some((medium) => payloadForTrack(medium, TIER)) ? 'h264' : 'published';
}

/**
 * For each track the first medium that takes it. Empty: no common codec, be it for the picture or for the sound alone. Who asks for
 * both and gets half would take it for the whole, where HLS has the rest.
 */
export function matchTracks(offer: SessionDescription, tracks: readonly OutgoingTrack[], naming: Naming): Matched[] {
  const all: Matched[] = [];
  for (const outgoing of tracks) {
    const media = offer.media.filter((medium) => medium.kind === outgoing.carried.track.kind && isCarried(medium) && receives(medium));
    const matched = media.map((medium) => match(medium, outgoing, naming)).find((one) => one !== undefined);
    if (matched) all.push(matched);
    else if (media.length > 0) return [];
  }
  return all;
}

function match(medium: SdpMedia, outgoing: OutgoingTrack, { cname, streamId }: Naming): Matched | undefined {
  const { track } = outgoing.carried;
  const codec = payloadForTrack(medium, track);
  if (!codec) return undefined;
  const source = { ssrc: outgoing.log.ssrc, cname, msid: `${streamId} ${track.kind}` };
  const feedback = track.kind === 'video' ? VIDEO_FEEDBACK : [];
  const again = track.kind === 'video' ? retransmissionOf(medium, codec.payloadType) : undefined;
  const retransmission = again && { payloadType: again.payloadType, ssrc: (source.ssrc + 1) >>> 0 };
  const tier = track.kind === 'video' && track.codec !== TIER.codec ? payloadForTrack(medium, TIER) : undefined;
  const tierAgain = tier && again && retransmissionOf(medium, tier.payloadType);
  const accepted = {
    medium,
    direction: 'sendonly',
    codecs: [codec, again, tier, tierAgain].filter((one) => one !== undefined),
    feedback,
    source,
    ...(retransmission && { retransmission: retransmission.ssrc }),
  } as const;
  const others = new Map(tier ? [[TIER.codec, { payloadType: tier.payloadType, retransmission: tierAgain?.payloadType }]] : []);
  return { outgoing, payloadType: codec.payloadType, retransmission, others, accepted };
}

function receives({ direction }: SdpMedia): boolean {
  return direction === 'recvonly' || direction === 'sendrecv';
}
