/** Candidates that come after the offer: `application/trickle-ice-sdpfrag`, the body of WHIP's PATCH. Source: RFC 8840 §9, RFC 9725 §4.3. */
import { ProtocolError } from '../protocol-error.ts';
import type { IceCredentials } from './description.ts';
import { attributeOf, decimal, sdpLines } from './lines.ts';
import { parseTransportAttribute, type TransportAttributes } from './transport-attributes.ts';

export interface FragmentMedia {
  readonly mid: string;
  /** Without `candidate:`. */
  readonly candidates: readonly string[];
  readonly endOfCandidates: boolean;
}

export interface TrickleFragment {
  /** Other than those in use asks for an ICE restart. Undefined when the fragment does not tell them. */
  readonly ice: IceCredentials | undefined;
  readonly media: readonly FragmentMedia[];
}

const MAX_FRAGMENT_MEDIA = 32;

interface Draft extends TransportAttributes {
  mid: string;
}

/** Reads a fragment. Throws ProtocolError. */
export function parseFragment(text: string): TrickleFragment {
  const session: TransportAttributes = { fingerprints: [], candidates: [], endOfCandidates: false };
  const media: Draft[] = [];
  for (const line of text.trim() === '' ? [] : sdpLines(text)) {
    if (line.type === 'm') {
      if (media.length === MAX_FRAGMENT_MEDIA) throw new ProtocolError(`fragment has more than ${MAX_FRAGMENT_MEDIA} media`);
      media.push({ mid: '', fingerprints: [], candidates: [], endOfCandidates: false });
    }
    if (line.type !== 'a') continue;
    const { name, value } = attributeOf(line);
    const current = media.at(-1);
    if (name === 'mid' && current) current.mid = value;
    else parseTransportAttribute(name, value, current ?? session);
  }
  for (const { mid } of media) if (!/^\S{1,64}$/.test(mid)) throw new ProtocolError('medium of a fragment lacks its mid');
  if (session.candidates.length > 0) throw new ProtocolError('fragment has candidates before its first medium');
  const ufrag = session.ufrag ?? media.find((one) => one.ufrag !== undefined)?.ufrag;
  const pwd = session.pwd ?? media.find((one) => one.pwd !== undefined)?.pwd;
  if ((ufrag === undefined) !== (pwd === undefined)) throw new ProtocolError('fragment has one of ice-ufrag and ice-pwd without the other');
  return {
    ice: ufrag !== undefined && pwd !== undefined ? { ufrag, pwd } : undefined,
    media: media.map(({ mid, candidates, endOfCandidates }) => ({ mid, candidates, endOfCandidates: endOfCandidates || session.endOfCandidates })),
  };
}

/** Writes a fragment, as the answer to a restart: credentials stand with each medium, as in RFC 9725's examples. */
export function writeFragment({ ice, media }: TrickleFragment): string {
  const credentials = ice ? [`a=ice-ufrag:${ice.ufrag}`, `a=ice-pwd:${ice.pwd}`] : [];
  const lines = media.length === 0 ? [...credentials] : [];
  for (const { mid, candidates, endOfCandidates } of media) {
    lines.push('m=audio 9 UDP/TLS/RTP/SAVPF 0', `a=mid:${mid}`, ...credentials);
    for (const candidate of candidates) lines.push(`a=candidate:${candidate}`);
    if (endOfCandidates) lines.push('a=end-of-candidates');
  }
  return lines.map((line) => `${line}\r\n`).join('');
}

export interface IceCandidate {
  readonly foundation: string;
  /** 1 for RTP, 2 for RTCP of peers without rtcp-mux. */
  readonly component: number;
  readonly transport: 'udp' | 'tcp';
  readonly priority: number;
  /** An IP address, or a name ending in `.local` that hides one. */
  readonly address: string;
  readonly port: number;
  readonly type: 'host' | 'srflx' | 'prflx' | 'relay';
}

/** Reads what follows `candidate:`; undefined when it is damaged or of a kind not known, which peers pass over (RFC 8839 §5.1). */
export function parseCandidate(text: string): IceCandidate | undefined {
  const [foundation = '', component, protocol = '', priority, address = '', port, typ, kind] = text.split(' ');
  const transport = protocol.toLowerCase();
  const numbers = { component: decimal(component, 256), priority: decimal(priority, 0xffffffff), port: decimal(port, 65_535) };
  if (!/^[A-Za-z0-9+/]{1,32}$/.test(foundation) || !/^[A-Za-z0-9.:-]{1,255}$/.test(address) || typ !== 'typ') return undefined;
  if (!numbers.component || numbers.priority === undefined || numbers.port === undefined) return undefined;
  if (transport !== 'udp' && transport !== 'tcp') return undefined;
  if (kind !== 'host' && kind !== 'srflx' && kind !== 'prflx' && kind !== 'relay') return undefined;
  return { foundation, component: numbers.component, transport, priority: numbers.priority, address, port: numbers.port, type: kind };
}
