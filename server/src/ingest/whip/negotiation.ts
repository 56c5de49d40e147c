/** What is taken of a WHIP offer: one medium of each kind, in the codec that serves most viewers, with its simulcast layers. Pure. */

import { TRANSPORT_SEQUENCE_EXTENSION } from '@millrace/media/rtp/transport-feedback';
import { acceptableCodecs, type RtpCodec, rtpCodecOf } from '@millrace/media/sdp/codec-match';
import type { SdpCodec, SdpMedia, SessionDescription } from '@millrace/media/sdp/description';
import type { AcceptedMedia } from '../../transports/webrtc/answer.ts';
import { isCarried } from '../../transports/webrtc/remote-end.ts';

/** H.264 plays everywhere as it is; VP8 nowhere but by WebRTC. */
const VIDEO: readonly RtpCodec[] = ['h264', 'vp9', 'av1', 'hevc', 'vp8'];
const AUDIO: readonly RtpCodec[] = ['opus'];

const VIDEO_FEEDBACK = ['nack', 'nack pli', 'ccm fir', 'goog-remb', 'transport-cc'];

/** A good picture of 720p, which most uplinks carry; those that do not are found out within a second. */
const START_KBITS_PER_SECOND = 2_000;

const RID_EXTENSION = 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id';
const MID_EXTENSION = 'urn:ietf:params:rtp-hdrext:sdes:mid';

/** More sizes of one picture than this no browser sends, and no viewer needs. */
const MAX_LAYERS = 4;

export interface ExpectedMedium {
  readonly kind: 'video' | 'audio';
  readonly codec: RtpCodec;
  readonly payloadType: number;
  readonly clockRate: number;
  /** Ids of the simulcast layers, each of which becomes a track; empty when there is one picture. */
  readonly layers: readonly string[];
  /** The header extension in which packets name their layer. */
  readonly layerExtension: number | undefined;
  /** The header extension that numbers packets across sources; undefined when the publisher wants no feedback by it. */
  readonly transportExtension: number | undefined;
  readonly accepted: AcceptedMedia;
}

/** Empty: no common codec. */
export function chooseMedia(offer: SessionDescription): ExpectedMedium[] {
  return (['audio', 'video'] as const).flatMap((kind): ExpectedMedium[] => {
    for (const medium of offer.media) {
      if (!isCarried(medium) || medium.kind !== kind || !(medium.direction === 'sendonly' || medium.direction === 'sendrecv')) continue;
      const chosen = acceptableCodecs(medium, kind === 'video' ? VIDEO : AUDIO)[0];
      const codec = chosen && rtpCodecOf(chosen);
      if (!chosen || !codec) continue;
      const { payloadType, clockRate } = chosen;
      return [
        {
          kind,
          codec,
          payloadType,
          clockRate,
          ...(kind === 'video' ? layersOf(medium) : { layers: [], layerExtension: undefined }),
          transportExtension: kind === 'video' ? transportExtensionOf(medium, chosen) : undefined,
          accepted: { medium, direction: 'recvonly', codecs: [kind === 'video' ? startingFast(chosen) : chosen], ...(kind === 'video' ? videoTerms(medium) : { feedback: [] }) },
        },
      ];
    }
    return [];
  });
}

/** Chromium and Safari begin at 300 kbit/s and take half a minute to what they are set to, unless they are told to trust the network. */
function startingFast(codec: SdpCodec): SdpCodec {
  return { ...codec, parameters: new Map([...codec.parameters, ['x-google-start-bitrate', String(START_KBITS_PER_SECOND)]]) };
}

function videoTerms(medium: SdpMedia): Pick<AcceptedMedia, 'feedback' | 'extensions' | 'rids'> {
  return { feedback: VIDEO_FEEDBACK, extensions: [RID_EXTENSION, MID_EXTENSION, TRANSPORT_SEQUENCE_EXTENSION], rids: medium.simulcast.send.slice(0, MAX_LAYERS) };
}

function transportExtensionOf({ extensions }: SdpMedia, { feedback }: SdpCodec): number | undefined {
  return feedback.includes('transport-cc') ? extensions.find(({ uri }) => uri === TRANSPORT_SEQUENCE_EXTENSION)?.id : undefined;
}

function layersOf({ simulcast, extensions }: SdpMedia): Pick<ExpectedMedium, 'layers' | 'layerExtension'> {
  const layerExtension = extensions.find(({ uri }) => uri === RID_EXTENSION)?.id;
  const layers = [...new Set(simulcast.send.slice(0, MAX_LAYERS))];
  // Without their names packets can only be told apart by their sources, of which the best is taken.
  return layerExtension === undefined || layers.length < 2 ? { layers: [], layerExtension: undefined } : { layers, layerExtension };
}
