/** Reads a media playlist strictly, for checking: what is not understood is told, never guessed. */

export interface ParsedPart {
  readonly uri: string;
  readonly seconds: number;
  readonly independent: boolean;
  readonly gap: boolean;
}

export interface ParsedSegment {
  /** Undefined while only its parts are listed. */
  readonly uri: string | undefined;
  readonly seconds: number;
  readonly map: string | undefined;
  readonly gap: boolean;
  readonly discontinuity: boolean;
  readonly programDateTime: number | undefined;
  readonly parts: readonly ParsedPart[];
  /** Tags that stand behind the first part though they belong before it. */
  readonly misplaced: readonly string[];
}

export interface ParsedPlaylist {
  readonly version: number;
  readonly targetDuration: number | undefined;
  readonly partTarget: number | undefined;
  readonly serverControl: Readonly<Record<string, string>>;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly skipped: number;
  readonly segments: readonly ParsedSegment[];
  readonly hints: readonly { readonly type: string; readonly uri: string }[];
  readonly reports: readonly { readonly uri: string; readonly lastMsn: number; readonly lastPart: number | undefined }[];
  readonly ended: boolean;
  /** Tags by how often they occur. */
  readonly counts: ReadonlyMap<string, number>;
  /** What could not be read. */
  readonly faults: readonly string[];
}

/** A live playlist of a long window has a few thousand lines; more is an attack. */
const MAX_LINES = 100_000;

interface OpenSegment {
  seconds: number | undefined;
  map: string | undefined;
  gap: boolean;
  discontinuity: boolean;
  programDateTime: number | undefined;
  parts: ParsedPart[];
  misplaced: string[];
}

export function parseMediaPlaylist(text: string): ParsedPlaylist {
  const counts = new Map<string, number>();
  const faults: string[] = [];
  const segments: ParsedSegment[] = [];
  const hints: { type: string; uri: string }[] = [];
  const reports: { uri: string; lastMsn: number; lastPart: number | undefined }[] = [];
  const head = {
    version: 1,
    targetDuration: undefined as number | undefined,
    partTarget: undefined as number | undefined,
    mediaSequence: 0,
    discontinuitySequence: 0,
    skipped: 0,
    ended: false,
  };
  let serverControl: Record<string, string> = {};
  let map: string | undefined;
  let open = newSegment(map);
  const lines = text.split('\n', MAX_LINES);
  if (lines[0]?.trimEnd() !== '#EXTM3U') faults.push('the first line is not #EXTM3U');
  for (const raw of lines) {
    const line = raw.trimEnd();
    if (line === '') continue;
    if (!line.startsWith('#')) {
      if (open.seconds === undefined) faults.push(`URI without EXTINF: ${line}`);
      segments.push({ ...open, uri: line, seconds: open.seconds ?? 0 });
      open = newSegment(map);
      continue;
    }
    if (!line.startsWith('#EXT')) continue;
    const colon = line.indexOf(':');
    const tag = colon < 0 ? line.slice(1) : line.slice(1, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1);
    counts.set(tag, (counts.get(tag) ?? 0) + 1);
    const attributes = (): Record<string, string> => parseAttributes(value, faults);
    const beforeParts = (): void => {
      if (open.parts.length > 0) open.misplaced.push(tag);
    };
    switch (tag) {
      case 'EXT-X-VERSION':
        head.version = whole(value, tag, faults);
        break;
      case 'EXT-X-TARGETDURATION':
        head.targetDuration = whole(value, tag, faults);
        break;
      case 'EXT-X-MEDIA-SEQUENCE':
        head.mediaSequence = whole(value, tag, faults);
        break;
      case 'EXT-X-DISCONTINUITY-SEQUENCE':
        head.discontinuitySequence = whole(value, tag, faults);
        break;
      case 'EXT-X-SERVER-CONTROL':
        serverControl = attributes();
        break;
      case 'EXT-X-PART-INF':
        head.partTarget = decimal(attributes()['PART-TARGET'], tag, faults);
        break;
      case 'EXT-X-SKIP':
        head.skipped = whole(attributes()['SKIPPED-SEGMENTS'] ?? '', tag, faults);
        if (head.skipped > MAX_LINES) {
          faults.push(`${head.skipped} skipped segments`);
          head.skipped = 0;
        }
        break;
      case 'EXT-X-MAP':
        beforeParts();
        map = attributes()['URI'];
        open.map = map;
        break;
      case 'EXT-X-DISCONTINUITY':
        beforeParts();
        open.discontinuity = true;
        break;
      case 'EXT-X-PROGRAM-DATE-TIME':
        beforeParts();
        open.programDateTime = Date.parse(value);
        if (Number.isNaN(open.programDateTime)) faults.push(`no date: ${value}`);
        break;
      case 'EXT-X-GAP':
        open.gap = true;
        break;
      case 'EXTINF':
        open.seconds = decimal(value.split(',')[0], tag, faults);
        break;
      case 'EXT-X-PART': {
        const { URI: uri, DURATION: seconds, INDEPENDENT: independent, GAP: gap } = attributes();
        if (uri === undefined) faults.push('EXT-X-PART without URI');
        open.parts.push({ uri: uri ?? '', seconds: decimal(seconds, tag, faults), independent: independent === 'YES', gap: gap === 'YES' });
        break;
      }
      case 'EXT-X-PRELOAD-HINT': {
        const { TYPE: type, URI: uri } = attributes();
        if (type === undefined || uri === undefined) faults.push('EXT-X-PRELOAD-HINT without TYPE or URI');
        hints.push({ type: type ?? '', uri: uri ?? '' });
        break;
      }
      case 'EXT-X-RENDITION-REPORT': {
        const { URI: uri, 'LAST-MSN': lastMsn, 'LAST-PART': lastPart } = attributes();
        reports.push({ uri: uri ?? '', lastMsn: whole(lastMsn ?? '', tag, faults), lastPart: lastPart === undefined ? undefined : whole(lastPart, tag, faults) });
        break;
      }
      case 'EXT-X-ENDLIST':
        head.ended = true;
        break;
      case 'EXTM3U':
      case 'EXT-X-INDEPENDENT-SEGMENTS':
        break;
      default:
        faults.push(`unexpected tag ${tag.slice(0, 40)}`);
    }
  }
  if (open.seconds !== undefined) faults.push('EXTINF without URI');
  if (open.parts.length > 0) segments.push({ ...open, uri: undefined, seconds: open.parts.reduce((sum, part) => sum + part.seconds, 0) });
  return { ...head, serverControl, segments, hints, reports, counts, faults };
}

function newSegment(map: string | undefined): OpenSegment {
  return { seconds: undefined, map, gap: false, discontinuity: false, programDateTime: undefined, parts: [], misplaced: [] };
}

/** `NAME=value` pairs, values quoted or not; a name may occur once. */
function parseAttributes(text: string, faults: string[]): Record<string, string> {
  const found: Record<string, string> = {};
  const pattern = /([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]*)(,|$)/y;
  let end = 0;
  while (end < text.length) {
    pattern.lastIndex = end;
    const match = pattern.exec(text);
    if (!match) {
      faults.push(`attributes not understood: ${text.slice(end, end + 40)}`);
      break;
    }
    const [, name = '', value = ''] = match;
    if (Object.hasOwn(found, name)) faults.push(`attribute ${name} twice`);
    found[name] = value.startsWith('"') ? value.slice(1, -1) : value;
    end = pattern.lastIndex;
  }
  return found;
}

function whole(text: string, where: string, faults: string[]): number {
  if (!/^\d{1,15}$/.test(text)) {
    faults.push(`${where}: not a whole number: ${text.slice(0, 40)}`);
    return 0;
  }
  return Number(text);
}

function decimal(text: string | undefined, where: string, faults: string[]): number {
  if (text === undefined || !/^\d{1,15}(\.\d{1,15})?$/.test(text)) {
    faults.push(`${where}: not a decimal number: ${text?.slice(0, 40)}`);
    return 0;
  }
  return Number(text);
}
