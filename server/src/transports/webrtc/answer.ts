/** An SDP answer: one bundled transport, each offered medium accepted or refused in its place. Pure. Sources: RFC 9429 §5.3, RFC 8843 §7.3. */
import type { SdpCodec, SdpMedia, SdpSource, SessionDescription } from '@millrace/media/sdp/description';
import { writeDescription } from '@millrace/media/sdp/write-description';
import type { LocalEnd } from './peer-session.ts';
import { isCarried } from './remote-end.ts';

/** What becomes of one medium. */
export interface AcceptedMedia {
  readonly medium: SdpMedia;
  readonly direction: 'sendonly' | 'recvonly' | 'inactive';
  /** Best first. */
  readonly codecs: readonly SdpCodec[];
  /** Kinds of feedback that are kept of what was offered. */
  readonly feedback: readonly string[];
  /** URIs of header extensions that are kept of what was offered. */
  readonly extensions?: readonly string[];
  /** What this side sends. */
  readonly source?: SdpSource & { readonly msid: string };
  /** The source under which it sends packets again (RFC 4588). */
  readonly retransmission?: number;
  /** Simulcast layers to receive. */
  readonly rids?: readonly string[];
}

/** @param accepted the media that are, in any order; all others are refused, but for the one that carries the offer's transport. */
export function writeAnswer(offer: SessionDescription, accepted: readonly AcceptedMedia[], local: LocalEnd): string {
  const idle = idleCarrier(offer, accepted);
  const all = idle ? [idle, ...accepted] : accepted;
  const carrier = offer.media.find((medium) => all.some((one) => one.medium === medium));
  const media = offer.media.map((medium) => {
    const answer = all.find((one) => one.medium === medium);
    // The first medium of the bundle carries the transport for all, but some peers look at each.
    return answer ? acceptedMedium(answer, local, medium === carrier ? local.candidates : []) : refusedMedium(medium);
  });
  const bundle = offer.media.flatMap((medium) => (medium.mid !== undefined && all.some((one) => one.medium === medium) ? [medium.mid] : []));
  return writeDescription({ sessionId: '1', sessionVersion: 1, bundles: [bundle], iceLite: false, media });
}

/**
 * The first medium of the offer's bundle, when nothing is sent in it. It stays, silent: RFC 9143 §7.3.3 lets an answer refuse it and take the
 * transport of the next, but browsers that offered one transport for all (`max-bundle`) give up the whole bundle then.
 */
function idleCarrier({ media, bundles }: SessionDescription, accepted: readonly AcceptedMedia[]): AcceptedMedia | undefined {
  const bundle = bundles.find((mids) => accepted.some(({ medium }) => medium.mid !== undefined && mids.includes(medium.mid)));
  const first = media.find(({ mid }) => mid !== undefined && mid === bundle?.[0]);
  if (!first || !isCarried(first) || first.codecs.length === 0 || accepted.some(({ medium }) => medium === first)) return undefined;
  return { medium: first, direction: 'inactive', codecs: first.codecs.slice(0, 1), feedback: [] };
}

function refusedMedium(medium: SdpMedia): SdpMedia {
  const { kind, protocol, mid, codecs, otherFormats } = medium;
  const bare = codecs.slice(0, 1).map((codec) => ({ ...codec, parameters: new Map<string, string>(), feedback: [] }));
  return { ...EMPTY_MEDIUM, kind, protocol, mid, port: 0, direction: 'inactive', codecs: bare, otherFormats: bare.length > 0 ? [] : otherFormats };
}

function acceptedMedium(
  { medium, direction, codecs, feedback, extensions = [], source, retransmission, rids = [] }: AcceptedMedia,
  local: LocalEnd,
  candidates: readonly string[],
): SdpMedia {
  const [algorithm = '', value = ''] = local.fingerprint.split(' ');
  return {
    ...EMPTY_MEDIUM,
    kind: medium.kind,
    protocol: medium.protocol,
    mid: medium.mid,
    direction,
    codecs: codecs.map((codec) => ({ ...codec, feedback: codec.feedback.filter((kind) => feedback.includes(kind)) })),
    extensions: medium.extensions.filter(({ uri }) => extensions.includes(uri)),
    ice: { ufrag: local.iceUfrag, pwd: local.icePwd },
    fingerprints: [{ algorithm, value }],
    setup: local.setup,
    candidates,
    endOfCandidates: candidates.length > 0,
    sources: source ? [source, ...(retransmission === undefined ? [] : [{ ...source, ssrc: retransmission }])] : [],
    sourceGroups: source && retransmission !== undefined ? [{ semantics: 'FID', ssrcs: [source.ssrc, retransmission] }] : [],
    msid: source?.msid,
    rids: rids.map((id) => ({ id, direction: 'recv' })),
    simulcast: { send: [], recv: rids },
    rtcpReducedSize: medium.rtcpReducedSize,
  };
}

/** A medium that says nothing. */
export const EMPTY_MEDIUM: SdpMedia = {
  kind: 'video',
  port: 9,
  protocol: 'UDP/TLS/RTP/SAVPF',
  mid: undefined,
  direction: 'inactive',
  codecs: [],
  otherFormats: [],
  extensions: [],
  ice: undefined,
  fingerprints: [],
  setup: undefined,
  candidates: [],
  endOfCandidates: false,
  sources: [],
  sourceGroups: [],
  rids: [],
  simulcast: { send: [], recv: [] },
  msid: undefined,
  rtcpMux: true,
  rtcpReducedSize: false,
  bundleOnly: false,
};
