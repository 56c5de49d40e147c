/** What a WHEP offer can take of a stream's tracks. Pure. */
import { acceptableCodecs, packetizationMode, payloadForTrack, retransmissionOf } from '@millrace/media/sdp/codec-match';
import type { SdpMedia, SessionDescription } from '@millrace/media/sdp/description';
import type { Track } from '@millrace/media/track';
import type { AcceptedMedia } from '../../transports/webrtc/answer.ts';
import { isCarried } from '../../transports/webrtc/remote-end.ts';
import type { OutgoingTrack } from './broadcaster.ts';
import type { PictureForm } from './track-source.ts';

const VIDEO_FEEDBACK = ['nack', 'nack pli', 'ccm fir'];

/** How packets that were lost are sent again: in a stream of their own (RFC 4588). */
export interface Retransmission {
  readonly payloadType: number;
  readonly ssrc: number;
}

export interface Matched {
  readonly outgoing: OutgoingTrack;
  readonly payloadType: number;
  /** Undefined for peers that know no such stream: they get lost packets again as they were. */
  readonly retransmission: Retransmission | undefined;
  readonly accepted: AcceptedMedia;
}

interface Naming {
  readonly cname: string;
  readonly streamId: string;
}

/** A viewer who cannot take the picture as it is published (HEVC in most browsers) gets it in H.264, if it takes that. */
export function pictureForm(offer: SessionDescription, published: readonly Track[]): PictureForm {
  const picture = published.find(({ kind }) => kind === 'video');
  const media = offer.media.filter((medium) => medium.kind === 'video' && isCarried(medium) && receives(medium));
  if (!picture || picture.codec === 'h264' || media.some((medium) => payloadForTrack(medium, picture))) return 'published';
  return media.some((medium) => acceptableCodecs(medium, ['h264']).some((codec) => packetizationMode(codec) === 1)) ? 'h264' : 'published';
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
  const accepted = {
    medium,
    direction: 'sendonly',
    codecs: again ? [codec, again] : [codec],
    feedback,
    source,
    ...(retransmission && { retransmission: retransmission.ssrc }),
  } as const;
  return { outgoing, payloadType: codec.payloadType, retransmission, accepted };
}

function receives({ direction }: SdpMedia): boolean {
  return direction === 'recvonly' || direction === 'sendrecv';
}
