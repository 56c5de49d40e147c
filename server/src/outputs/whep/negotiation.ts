/** What a WHEP offer can take of a stream's tracks. Pure. */
import { payloadForTrack } from '@millrace/media/sdp/codec-match';
import type { SessionDescription } from '@millrace/media/sdp/description';
import type { AcceptedMedia } from '../../transports/webrtc/answer.ts';
import { isCarried } from '../../transports/webrtc/remote-end.ts';
import type { OutgoingTrack } from './broadcaster.ts';

const VIDEO_FEEDBACK = ['nack', 'nack pli', 'ccm fir'];

export interface Matched {
  readonly outgoing: OutgoingTrack;
  readonly payloadType: number;
  readonly accepted: AcceptedMedia;
}

/** For each track the first medium that takes it. Empty: no common codec. */
export function matchTracks(offer: SessionDescription, tracks: readonly OutgoingTrack[], { cname, streamId }: { readonly cname: string; readonly streamId: string }): Matched[] {
  return tracks.flatMap((outgoing): Matched[] => {
    const { track } = outgoing.carried;
    for (const medium of offer.media) {
      if (!isCarried(medium) || medium.kind !== track.kind || (medium.direction !== 'recvonly' && medium.direction !== 'sendrecv')) continue;
      const codec = payloadForTrack(medium, track);
      if (!codec) continue;
      const source = { ssrc: outgoing.log.ssrc, cname, msid: `${streamId} ${track.kind}` };
      const feedback = track.kind === 'video' ? VIDEO_FEEDBACK : [];
      return [{ outgoing, payloadType: codec.payloadType, accepted: { medium, direction: 'sendonly', codecs: [codec], feedback, source } }];
    }
    return [];
  });
}
