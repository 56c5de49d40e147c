/** Writes offers and answers. Values are those that the parser lets through, so no line can be smuggled in. */
import type { SdpCodec, SdpMedia, SessionDescription } from './description.ts';

/** Writes the description; what media share is written with each. */
export function writeDescription(description: SessionDescription): string {
  const lines = ['v=0', `o=- ${description.sessionId} ${description.sessionVersion} IN IP4 127.0.0.1`, 's=-', 't=0 0'];
  for (const mids of description.bundles) lines.push(`a=group:BUNDLE ${mids.join(' ')}`);
  if (description.iceLite) lines.push('a=ice-lite');
  for (const medium of description.media) lines.push(...mediaLines(medium));
  return `${lines.join('\r\n')}\r\n`;
}

function mediaLines(media: SdpMedia): string[] {
  const formats = [...media.codecs.map(({ payloadType }) => String(payloadType)), ...media.otherFormats];
  const lines = [`m=${media.kind} ${media.port} ${media.protocol} ${formats.length > 0 ? formats.join(' ') : '0'}`, 'c=IN IP4 0.0.0.0'];
  const attribute = (name: string, value?: string | number) => lines.push(value === undefined ? `a=${name}` : `a=${name}:${value}`);
  if (media.mid !== undefined) attribute('mid', media.mid);
  for (const line of transportLines(media)) lines.push(line);
  attribute(media.direction);
  if (media.bundleOnly) attribute('bundle-only');
  if (media.rtcpMux) attribute('rtcp-mux');
  if (media.rtcpReducedSize) attribute('rtcp-rsize');
  for (const { id, uri } of media.extensions) attribute('extmap', `${id} ${uri}`);
  for (const codec of media.codecs) lines.push(...codecLines(codec));
  for (const { id, direction } of media.rids) attribute('rid', `${id} ${direction}`);
  const simulcast = (['send', 'recv'] as const)
    .filter((direction) => media.simulcast[direction].length > 0)
    .map((direction) => `${direction} ${media.simulcast[direction].join(';')}`);
  if (simulcast.length > 0) attribute('simulcast', simulcast.join(' '));
  if (media.msid !== undefined) attribute('msid', media.msid);
  for (const { semantics, ssrcs } of media.sourceGroups) attribute('ssrc-group', [semantics, ...ssrcs].join(' '));
  for (const { ssrc, cname } of media.sources) attribute('ssrc', cname === undefined ? ssrc : `${ssrc} cname:${cname}`);
  return lines;
}

function transportLines(media: SdpMedia): string[] {
  const lines: string[] = [];
  if (media.ice) lines.push(`a=ice-ufrag:${media.ice.ufrag}`, `a=ice-pwd:${media.ice.pwd}`);
  for (const { algorithm, value } of media.fingerprints) lines.push(`a=fingerprint:${algorithm} ${value}`);
  if (media.setup) lines.push(`a=setup:${media.setup}`);
  for (const candidate of media.candidates) lines.push(`a=candidate:${candidate}`);
  if (media.endOfCandidates) lines.push('a=end-of-candidates');
  return lines;
}

function codecLines({ payloadType, name, clockRate, channels, parameters, feedback }: SdpCodec): string[] {
  const lines = name === '' ? [] : [`a=rtpmap:${payloadType} ${name}/${clockRate}${channels === undefined ? '' : `/${channels}`}`];
  for (const kind of feedback) lines.push(`a=rtcp-fb:${payloadType} ${kind}`);
  if (parameters.size > 0) lines.push(`a=fmtp:${payloadType} ${[...parameters].map(([key, value]) => (key === '' ? value : `${key}=${value}`)).join(';')}`);
  return lines;
}
