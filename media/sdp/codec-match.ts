/** Which payload types of an offer carry which codecs of ours. Sources: RFC 6184 §8.2.2, RFC 7798 §7.1, RFC 9628 §7, AV1 RTP §7.2, RFC 7587 §6.1, RFC 4588 §8. */
import type { Track } from '../track.ts';
import type { SdpCodec, SdpMedia } from './description.ts';
import { DEFAULT_PROFILE_LEVEL_ID, profileFit, readProfileLevelId } from './h264-profile.ts';
import { decimal } from './lines.ts';

export type RtpCodec = 'h264' | 'hevc' | 'vp8' | 'vp9' | 'av1' | 'opus';

const NAMES: ReadonlyMap<string, RtpCodec> = new Map([
  ['h264', 'h264'],
  ['h265', 'hevc'],
  ['vp8', 'vp8'],
  ['vp9', 'vp9'],
  ['av1', 'av1'],
  ['opus', 'opus'],
]);

const VIDEO_CLOCK_RATE = 90_000;
const AUDIO_CLOCK_RATE = 48_000;

/** Our codec of a payload type; undefined for those that we do not carry, and for what has the name with another clock. */
export function rtpCodecOf({ name, clockRate }: SdpCodec): RtpCodec | undefined {
  const codec = NAMES.get(name.toLowerCase());
  return codec && clockRate === (codec === 'opus' ? AUDIO_CLOCK_RATE : VIDEO_CLOCK_RATE) ? codec : undefined;
}

/** RFC 6184 §6.2: mode 0, the default, has no fragments and no aggregates. */
export function packetizationMode(codec: SdpCodec): number {
  return decimal(codec.parameters.get('packetization-mode'), 2) ?? 0;
}

/**
 * The payload types to accept of a publisher, best first: codecs in the order of `wanted`, and within one in the order of the
 * offer, H.264 that may be fragmented before that which may not.
 */
export function acceptableCodecs({ codecs }: SdpMedia, wanted: readonly RtpCodec[]): SdpCodec[] {
  return wanted.flatMap((codec) => {
    const known = codecs.filter((offered) => rtpCodecOf(offered) === codec && packetizationMode(offered) <= 1);
    return codec === 'h264' ? known.toSorted((a, b) => packetizationMode(b) - packetizationMode(a)) : known;
  });
}

/** The payload type under which a viewer can be sent a track; undefined when it offers none. */
export function payloadForTrack({ codecs }: SdpMedia, track: Pick<Track, 'codec' | 'codecString'>): SdpCodec | undefined {
  const rated = codecs.flatMap((offered) => {
    const fit = rtpCodecOf(offered) === track.codec ? trackFit(offered, track) : 0;
    return fit > 0 ? [{ offered, fit }] : [];
  });
  return rated.toSorted((a, b) => b.fit - a.fit)[0]?.offered;
}

/** The payload type that carries retransmissions of another. */
export function retransmissionOf({ codecs }: SdpMedia, payloadType: number): SdpCodec | undefined {
  return codecs.find(({ name, parameters }) => name.toLowerCase() === 'rtx' && parameters.get('apt') === String(payloadType));
}

/** The source that carries retransmissions of another. */
export function retransmissionSource({ sourceGroups }: SdpMedia, ssrc: number): number | undefined {
  return sourceGroups.find(({ semantics, ssrcs }) => semantics === 'FID' && ssrcs[0] === ssrc)?.ssrcs[1];
}

/** 0: cannot be sent. Larger is better. */
function trackFit(offered: SdpCodec, { codec, codecString }: Pick<Track, 'codec' | 'codecString'>): number {
  const parts = codecString.split('.');
  switch (codec) {
    case 'h264':
      return h264Fit(offered, parts[1] ?? '');
    case 'vp9':
      return (offered.parameters.get('profile-id') ?? '0') === String(Number(parts[1] ?? 0)) ? 1 : 0;
    case 'av1':
      return (offered.parameters.get('profile') ?? '0') === (parts[1] ?? '0') ? 1 : 0;
    case 'hevc':
      return (offered.parameters.get('profile-id') ?? '1') === (parts[1] ?? '1').replace(/^[ABC]/, '') ? 1 : 0;
    default:
      return 1;
  }
}

/** Levels are not asked: browsers write 3.1 into offers and play what their decoder can. */
function h264Fit(offered: SdpCodec, sent: string): number {
  if (packetizationMode(offered) !== 1) return 0;
  const decoder = readProfileLevelId(offered.parameters.get('profile-level-id') ?? DEFAULT_PROFILE_LEVEL_ID);
  const stream = readProfileLevelId(sent);
  return decoder && stream ? profileFit(decoder.profile, stream.profile) : 1;
}
