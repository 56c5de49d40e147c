/** Reads an SDP offer as far as WHIP and WHEP need it. Pure. Sources: RFC 8866, RFC 8829, RFC 8843, RFC 8853. */
import { ProtocolError } from '@millrace/media/protocol-error';
import type { RemoteEnd } from './peer-session.ts';

/** A browser's offer has about 200 lines; one with simulcast and every codec fewer than this. */
const MAX_LINES = 3_000;
const MAX_MEDIA = 16;
const MAX_PAYLOADS = 128;

const NAME = /^[\w.-]{1,32}$/;
const FINGERPRINT = /^(sha-1|sha-224|sha-256|sha-384|sha-512) ([0-9A-F]{2}(?::[0-9A-F]{2}){19,63})$/i;

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** One format of a media line. */
export interface Codec {
  readonly payloadType: number;
  /** As the offer spells it; compare without case. */
  readonly encoding: string;
  readonly clockRate: number;
  /** What stands behind the clock rate: `2` for Opus. */
  readonly channels: string | undefined;
  /** Value of `a=fmtp`, empty when there is none. */
  readonly format: string;
  /** Values of `a=rtcp-fb`. */
  readonly feedback: readonly string[];
}

export interface OfferedMedia {
  readonly kind: string;
  readonly mid: string;
  /** Transport and formats as the media line has them, for a refusal. */
  readonly protocol: string;
  readonly formats: string;
  readonly direction: Direction;
  readonly codecs: readonly Codec[];
  readonly extensions: readonly { readonly id: number; readonly uri: string }[];
  /** Simulcast layers that the peer would send. */
  readonly rids: readonly string[];
}

export interface ReadOffer {
  readonly remote: RemoteEnd;
  readonly media: readonly OfferedMedia[];
}

/** Throws ProtocolError. */
export function readOffer(sdp: string): ReadOffer {
  const lines = sdp.split(/\r?\n/);
  if (lines[0] !== 'v=0') throw new ProtocolError('session description does not begin with v=0');
  if (lines.length > MAX_LINES) throw new ProtocolError(`session description of ${lines.length} lines exceeds ${MAX_LINES}`);
  const sections: string[][] = [[]];
  for (const line of lines) {
    if (line === '') continue;
    if (!/^[a-z]=/.test(line)) throw new ProtocolError(`session description has the line ${JSON.stringify(line.slice(0, 40))}`);
    if (line.startsWith('m=')) sections.push([]);
    sections.at(-1)?.push(line);
  }
  const [session = [], ...bodies] = sections;
  if (bodies.length === 0 || bodies.length > MAX_MEDIA) throw new ProtocolError(`session description has ${bodies.length} media of 1 to ${MAX_MEDIA}`);
  const media = bodies.map((body) => readMedia(body, session));
  if (new Set(media.map(({ mid }) => mid)).size !== media.length) throw new ProtocolError('session description names a mid twice');
  const carrier = bodies.find((body) => firstOf(body, 'ice-ufrag') !== undefined) ?? [];
  return { media, remote: readRemote([...carrier, ...session]) };
}

/** The `a=ice-ufrag` of a trickled fragment (RFC 8840 §9). Throws ProtocolError. */
export function readFragmentUfrag(fragment: string): string | undefined {
  const lines = fragment.split(/\r?\n/).filter((line) => line !== '');
  const strange = lines.find((line) => !/^[am]=/.test(line));
  if (strange !== undefined || lines.length === 0) throw new ProtocolError(`trickled fragment has the line ${JSON.stringify(strange?.slice(0, 40) ?? '')}`);
  return firstOf(lines, 'ice-ufrag');
}

function readRemote(lines: readonly string[]): RemoteEnd {
  const iceUfrag = firstOf(lines, 'ice-ufrag') ?? '';
  const icePwd = firstOf(lines, 'ice-pwd') ?? '';
  if (!/^[\w+/-]{4,256}$/.test(iceUfrag)) throw new ProtocolError('ice-ufrag is missing or not 4 to 256 ICE characters');
  if (!/^[\w+/-]{22,256}$/.test(icePwd)) throw new ProtocolError('ice-pwd is missing or not 22 to 256 ICE characters');
  const fingerprint = firstOf(lines, 'fingerprint') ?? '';
  if (!FINGERPRINT.test(fingerprint)) throw new ProtocolError('fingerprint is missing or not of a known hash');
  const setup = firstOf(lines, 'setup') ?? 'actpass';
  if (setup !== 'actpass' && setup !== 'active' && setup !== 'passive') throw new ProtocolError(`setup is ${JSON.stringify(setup.slice(0, 20))}`);
  return { iceUfrag, icePwd, fingerprint, setup };
}

function readMedia(body: readonly string[], session: readonly string[]): OfferedMedia {
  const match = /^m=([a-z]{1,20}) (\d{1,5})(?:\/\d+)? (\S{1,40}) ([ -~]{1,1000})$/.exec(body[0] ?? '');
  if (!match) throw new ProtocolError(`media line ${JSON.stringify(body[0]?.slice(0, 40) ?? '')} cannot be read`);
  const [, kind = '', , protocol = '', formats = ''] = match;
  const mid = firstOf(body, 'mid') ?? '';
  if (!NAME.test(mid)) throw new ProtocolError(`mid ${JSON.stringify(mid.slice(0, 40))} is missing or not a token`);
  const isMedia = kind === 'audio' || kind === 'video';
  if (isMedia && !body.includes('a=rtcp-mux')) throw new ProtocolError(`media ${mid} has no rtcp-mux, which this server needs`);
  return {
    kind,
    mid,
    protocol,
    formats,
    direction: directionOf(body) ?? directionOf(session) ?? 'sendrecv',
    codecs: isMedia ? readCodecs(body, formats.split(' ')) : [],
    extensions: valuesOf(body, 'extmap').flatMap((value) => {
      const extension = /^(\d{1,3})(?:\/\w+)? (\S{1,200})/.exec(value);
      return extension ? [{ id: Number(extension[1]), uri: extension[2] ?? '' }] : [];
    }),
    rids: valuesOf(body, 'rid').flatMap((value) => /^([\w-]{1,16}) send\b/.exec(value)?.[1] ?? []),
  };
}

function readCodecs(body: readonly string[], formats: readonly string[]): Codec[] {
  if (formats.length > MAX_PAYLOADS) throw new ProtocolError(`media line has ${formats.length} formats of at most ${MAX_PAYLOADS}`);
  const formatOf = byPayload(valuesOf(body, 'fmtp'));
  const feedbackOf = byPayload(valuesOf(body, 'rtcp-fb'));
  const mapOf = byPayload(valuesOf(body, 'rtpmap'));
  return formats.flatMap((text) => {
    const map = /^([\w.-]{1,32})\/(\d{1,6})(?:\/(\d{1,2}))?$/.exec(mapOf.get(text)?.[0] ?? '');
    const payloadType = Number(text);
    if (!map || !Number.isInteger(payloadType) || payloadType < 0 || payloadType > 127) return [];
    const [, encoding = '', clockRate, channels] = map;
    return [{ payloadType, encoding, clockRate: Number(clockRate), channels, format: formatOf.get(text)?.[0] ?? '', feedback: feedbackOf.get(text) ?? [] }];
  });
}

/** Attributes that begin with a payload type. */
function byPayload(values: readonly string[]): Map<string, string[]> {
  const map = new Map<string, string[]>();
  for (const value of values) {
    const space = value.indexOf(' ');
    if (space < 0) continue;
    const key = value.slice(0, space);
    const rest = value.slice(space + 1).trim();
    const known = map.get(key);
    if (known) known.push(rest);
    else map.set(key, [rest]);
  }
  return map;
}

function directionOf(lines: readonly string[]): Direction | undefined {
  for (const line of lines) {
    const value = line.slice(2);
    if (value === 'sendrecv' || value === 'sendonly' || value === 'recvonly' || value === 'inactive') return value;
  }
  return undefined;
}

function firstOf(lines: readonly string[], name: string): string | undefined {
  return valuesOf(lines, name)[0];
}

function valuesOf(lines: readonly string[], name: string): string[] {
  const prefix = `a=${name}:`;
  return lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length).trim());
}
