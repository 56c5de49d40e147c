/** Cuts SDP text into lines, within limits. The bottom of everything in sdp/. Source: RFC 8866 §5. */
import { ProtocolError } from '../protocol-error.ts';

/** Offers of browsers with all codecs and four candidates take 10 KB. */
export const MAX_SDP_CHARACTERS = 256 * 1024;
export const MAX_SDP_LINES = 4_000;
export const MAX_LINE_CHARACTERS = 4_096;

export interface SdpLine {
  /** One letter. */
  readonly type: string;
  readonly value: string;
}

export interface SdpAttribute {
  readonly name: string;
  /** Empty for flags. */
  readonly value: string;
}

/** Lines may end with LF alone; empty ones at the end are forgiven. Throws ProtocolError. */
export function sdpLines(text: string): SdpLine[] {
  if (text.length > MAX_SDP_CHARACTERS) throw new ProtocolError(`description of ${text.length} characters exceeds ${MAX_SDP_CHARACTERS}`);
  const lines = text.trimEnd().split('\n', MAX_SDP_LINES + 1);
  if (lines.length > MAX_SDP_LINES) throw new ProtocolError(`description has more than ${MAX_SDP_LINES} lines`);
  return lines.map(readLine);
}

/** The name and value of an `a=` line. */
export function attributeOf(line: SdpLine): SdpAttribute {
  const colon = line.value.indexOf(':');
  return colon === -1 ? { name: line.value, value: '' } : { name: line.value.slice(0, colon), value: line.value.slice(colon + 1) };
}

/** The words between spaces. */
export function words(value: string): string[] {
  return value.split(' ').filter((word) => word !== '');
}

/** A decimal number of at most `max`, undefined when it is none. */
export function decimal(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !/^\d{1,15}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}

function readLine(raw: string, index: number): SdpLine {
  const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
  if (line.length > MAX_LINE_CHARACTERS) throw new ProtocolError(`line ${index + 1} of ${line.length} characters exceeds ${MAX_LINE_CHARACTERS}`);
  if (!/^[a-z]=(?:\t|\P{Cc})*$/u.test(line)) throw new ProtocolError(`line ${index + 1} is not a letter, = and text`);
  return { type: line.slice(0, 1), value: line.slice(2) };
}
