/** What a WHEP offer can take of a stream's tracks. Pure. */
import type { AcceptedMedia } from '../../transports/webrtc/answer.ts';
import type { Codec, OfferedMedia, ReadOffer } from '../../transports/webrtc/offer.ts';
import type { OutgoingTrack } from './broadcaster.ts';

const VIDEO_FEEDBACK = ['nack', 'nack pli', 'ccm fir'];

export interface Matched {
  readonly outgoing: OutgoingTrack;
  readonly payloadType: number;
  readonly accepted: AcceptedMedia;
}

/** For each track the first media line that is free and takes it. Empty: no common codec. */
export function matchTracks(offer: ReadOffer, tracks: readonly OutgoingTrack[], { cname, streamId }: { readonly cname: string; readonly streamId: string }): Matched[] {
  return tracks.flatMap((outgoing): Matched[] => {
    const { track } = outgoing.carried;
    for (const media of offer.media) {
      if (media.kind !== track.kind || (media.direction !== 'recvonly' && media.direction !== 'sendrecv')) continue;
      const codec = codecFor(media, outgoing);
      if (!codec) continue;
      const source = { ssrc: outgoing.log.ssrc, cname, stream: streamId };
      const feedback = track.kind === 'video' ? VIDEO_FEEDBACK : [];
      return [{ outgoing, payloadType: codec.payloadType, accepted: { mid: media.mid, direction: 'sendonly', codecs: [codec], feedback, source } }];
    }
    return [];
  });
}

function codecFor({ codecs }: OfferedMedia, { carried }: OutgoingTrack): Codec | undefined {
  const named = codecs.filter(({ encoding, clockRate }) => encoding.toLowerCase() === carried.encoding.toLowerCase() && clockRate === carried.clockRate);
  const { track } = carried;
  if (track.codec === 'h264') {
    const wanted = track.codecString.slice(5, 7).toLowerCase();
    const whole = named.filter(({ format }) => parameter(format, 'packetization-mode') === '1');
    // Decoders that take H.264 by WebRTC take every profile that encoders of live video use: the nearest name will do.
    return whole.find(({ format }) => parameter(format, 'profile-level-id')?.slice(0, 2).toLowerCase() === wanted) ?? whole[0];
  }
  if (track.codec === 'vp9') {
    const profile = String(Number(track.codecString.split('.')[1] ?? 0));
    return named.find(({ format }) => (parameter(format, 'profile-id') ?? '0') === profile);
  }
  if (track.codec === 'av1') {
    const profile = String(Number(track.codecString.split('.')[1] ?? 0));
    return named.find(({ format }) => (parameter(format, 'profile') ?? '0') === profile);
  }
  return named[0];
}

function parameter(format: string, name: string): string | undefined {
  for (const pair of format.split(';')) {
    const [key, value] = pair.split('=');
    if (key?.trim().toLowerCase() === name) return value?.trim();
  }
  return undefined;
}
