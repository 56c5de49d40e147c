/** Writes an SDP answer: one bundled transport, each offered media line accepted or refused in its place. Pure. Sources: RFC 8829 §5.3, RFC 8843 §7.3. */
import type { Codec, OfferedMedia, ReadOffer } from './offer.ts';
import type { LocalEnd } from './peer-session.ts';

/** What becomes of one media line. */
export interface AcceptedMedia {
  readonly mid: string;
  readonly direction: 'sendonly' | 'recvonly';
  /** Best first. */
  readonly codecs: readonly Codec[];
  /** Kinds of feedback that are kept of what was offered. */
  readonly feedback: readonly string[];
  /** URIs of header extensions that are kept of what was offered. */
  readonly extensions?: readonly string[];
  /** Of what this side sends. */
  readonly source?: { readonly ssrc: number; readonly cname: string; readonly stream: string };
  /** Simulcast layers to receive. */
  readonly rids?: readonly string[];
  /** Added to the parameters of the video codecs. */
  readonly extraParameters?: string;
}

/** @param accepted the lines that are; all others are refused. */
export function writeAnswer(offer: ReadOffer, accepted: readonly AcceptedMedia[], local: LocalEnd): string {
  const lines = ['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', 'a=extmap-allow-mixed', 'a=msid-semantic:WMS *'];
  lines.splice(4, 0, `a=group:BUNDLE ${accepted.map(({ mid }) => mid).join(' ')}`);
  let isFirst = true;
  for (const media of offer.media) {
    const answer = accepted.find(({ mid }) => mid === media.mid);
    if (!answer) {
      lines.push(`m=${media.kind} 0 ${media.protocol} ${media.formats}`, 'c=IN IP4 0.0.0.0', `a=mid:${media.mid}`, 'a=inactive');
      continue;
    }
    lines.push(...mediaLines(media, answer));
    lines.push(`a=ice-ufrag:${local.iceUfrag}`, `a=ice-pwd:${local.icePwd}`, `a=fingerprint:${local.fingerprint}`, `a=setup:${local.setup}`);
    // The tagged media line of the bundle carries the transport for all.
    if (isFirst) lines.push(...local.candidates.map((candidate) => `a=candidate:${candidate}`), 'a=end-of-candidates');
    isFirst = false;
  }
  return `${lines.join('\r\n')}\r\n`;
}

function mediaLines(media: OfferedMedia, answer: AcceptedMedia): string[] {
  const { direction, codecs, feedback, extensions = [], source, rids = [], extraParameters } = answer;
  const lines = [`m=${media.kind} 9 ${media.protocol} ${codecs.map(({ payloadType }) => payloadType).join(' ')}`, 'c=IN IP4 0.0.0.0', `a=mid:${media.mid}`, `a=${direction}`];
  lines.push('a=rtcp-mux', 'a=rtcp-rsize');
  for (const { id, uri } of media.extensions) if (extensions.includes(uri)) lines.push(`a=extmap:${id} ${uri}`);
  for (const codec of codecs) {
    const { payloadType, encoding, clockRate, channels } = codec;
    lines.push(`a=rtpmap:${payloadType} ${encoding}/${clockRate}${channels === undefined ? '' : `/${channels}`}`);
    for (const kind of codec.feedback) if (feedback.includes(kind)) lines.push(`a=rtcp-fb:${payloadType} ${kind}`);
    const format = [codec.format, extraParameters ?? ''].filter((part) => part !== '').join(';');
    if (format !== '') lines.push(`a=fmtp:${payloadType} ${format}`);
  }
  if (source) lines.push(`a=msid:${source.stream} ${media.mid}`, `a=ssrc:${source.ssrc} cname:${source.cname}`, `a=ssrc:${source.ssrc} msid:${source.stream} ${media.mid}`);
  for (const rid of rids) lines.push(`a=rid:${rid} recv`);
  if (rids.length > 0) lines.push(`a=simulcast:recv ${rids.join(';')}`);
  return lines;
}
