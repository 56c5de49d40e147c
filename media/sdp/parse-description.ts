/** Reads offers and answers. What is not known is passed over; what is known and wrong is refused. */
import { ProtocolError } from '../protocol-error.ts';
import type { SdpMedia, SessionDescription } from './description.ts';
import { attributeOf, decimal, type SdpLine, sdpLines, words } from './lines.ts';
import { MediaReader } from './media-reader.ts';
import { parseTransportAttribute, type TransportAttributes } from './transport-attributes.ts';

/** A browser sends two; a studio of cameras a dozen. */
export const MAX_MEDIA = 32;

const MAX_VERSION = Number.MAX_SAFE_INTEGER;

/** Reads a session description. Throws ProtocolError. */
export function parseDescription(text: string): SessionDescription {
  const lines = sdpLines(text);
  const [version, origin] = lines;
  if (version?.type !== 'v' || version.value !== '0') throw new ProtocolError('description does not begin with v=0');
  if (origin?.type !== 'o') throw new ProtocolError('description lacks its origin');
  const firstMedia = lines.findIndex(({ type }) => type === 'm');
  const session = lines.slice(0, firstMedia === -1 ? lines.length : firstMedia);
  const [, sessionId = '', sessionVersion] = words(origin.value);
  if (!/^\d{1,20}$/.test(sessionId)) throw new ProtocolError(`session id ${JSON.stringify(sessionId)} is not decimal`);
  const { bundles, iceLite, transport } = readSession(session);
  const media = readMedia(lines.slice(session.length), transport);
  demandDistinctMids(media);
  return { sessionId, sessionVersion: decimal(sessionVersion, MAX_VERSION) ?? 0, bundles, iceLite, media };
}

function readSession(lines: readonly SdpLine[]): { bundles: string[][]; iceLite: boolean; transport: TransportAttributes } {
  const bundles: string[][] = [];
  let iceLite = false;
  const transport: TransportAttributes = { fingerprints: [], candidates: [], endOfCandidates: false };
  for (const line of lines) {
    if (line.type !== 'a') continue;
    const { name, value } = attributeOf(line);
    const [semantics, ...mids] = name === 'group' ? words(value) : [];
    if (semantics === 'BUNDLE') bundles.push(mids);
    if (name === 'ice-lite') iceLite = true;
    parseTransportAttribute(name, value, transport);
  }
  return { bundles, iceLite, transport };
}

function readMedia(lines: readonly SdpLine[], session: TransportAttributes): SdpMedia[] {
  const readers: MediaReader[] = [];
  for (const line of lines) {
    if (line.type === 'm') {
      if (readers.length === MAX_MEDIA) throw new ProtocolError(`description has more than ${MAX_MEDIA} media`);
      readers.push(new MediaReader(line.value));
    } else if (line.type === 'a') {
      const { name, value } = attributeOf(line);
      readers.at(-1)?.attribute(name, value);
    }
  }
  return readers.map((reader) => reader.media(session));
}

function demandDistinctMids(media: readonly SdpMedia[]): void {
  const mids = media.flatMap(({ mid }) => (mid === undefined ? [] : [mid]));
  if (new Set(mids).size !== mids.length) throw new ProtocolError('two media have the same mid');
}
