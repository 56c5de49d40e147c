/** The MUSTs of rfc8216bis for a live low-latency media playlist and for the way it may change from reload to reload. */
import { type ParsedPlaylist, type ParsedSegment, parseMediaPlaylist } from './parse-playlist.ts';

/** Durations are written with five decimals. */
const ROUNDING = 0.000_02;

/** §4.4.4.9: parts last at least this share of PART-TARGET. */
const LEAST_PART_SHARE = 0.85;

export interface CheckOptions {
  /** False where a source of variable frame rate makes short parts unavoidable. */
  readonly shortParts?: 'forbidden' | 'allowed';
}

/** What was seen of a segment; it may grow, but what was said stays. */
interface Known {
  readonly segment: ParsedSegment;
  readonly discontinuitySequence: number;
}

export class PlaylistChecker {
  readonly #options: CheckOptions;
  readonly #known = new Map<number, Known>();
  #previous: ParsedPlaylist | undefined;

  constructor(options: CheckOptions = {}) {
    this.#options = options;
  }

  /** Checks the next reload of one playlist. Returns a sentence for each rule that is broken. */
  check(text: string): readonly string[] {
    const playlist = parseMediaPlaylist(text);
    const violations = [...playlist.faults, ...checkHead(playlist), ...checkHints(playlist)];
    for (const [i, segment] of playlist.segments.entries()) violations.push(...this.#checkSegment(segment, playlist, i));
    violations.push(...checkWindow(playlist, this.#fullDuration(playlist)));
    if (this.#previous) violations.push(...checkReload(this.#previous, playlist));
    violations.push(...this.#remember(playlist));
    this.#previous = playlist;
    return violations;
  }

  #checkSegment(segment: ParsedSegment, { targetDuration = 0, partTarget = 0, ended }: ParsedPlaylist, index: number): string[] {
    const at = `segment ${segment.uri ?? `#${index}`}`;
    const violations: string[] = [];
    if (Math.round(segment.seconds) > targetDuration) violations.push(`${at}: ${segment.seconds} s exceeds TARGETDURATION ${targetDuration} s`);
    if (segment.map === undefined) violations.push(`${at}: no EXT-X-MAP`);
    if (segment.programDateTime === undefined) violations.push(`${at}: no EXT-X-PROGRAM-DATE-TIME`);
    for (const tag of segment.misplaced) violations.push(`${at}: ${tag} behind its first part`);
    if (segment.uri === undefined && ended) violations.push(`${at}: unfinished behind EXT-X-ENDLIST`);
    const sum = segment.parts.reduce((total, part) => total + part.seconds, 0);
    if (segment.uri !== undefined && segment.parts.length > 0 && Math.abs(sum - segment.seconds) > ROUNDING * (segment.parts.length + 1)) {
      violations.push(`${at}: its parts last ${sum} s, EXTINF says ${segment.seconds} s`);
    }
    for (const [i, part] of segment.parts.entries()) {
      if (part.seconds > partTarget + ROUNDING) violations.push(`${at}: part ${i} of ${part.seconds} s exceeds PART-TARGET ${partTarget} s`);
      const isLast = i === segment.parts.length - 1;
      const mayBeShort = part.independent || part.gap || isLast || segment.parts[i + 1]?.gap || this.#options.shortParts === 'allowed';
      if (!mayBeShort && part.seconds < LEAST_PART_SHARE * partTarget - ROUNDING)
        violations.push(`${at}: part ${i} of ${part.seconds} s is under 85 % of PART-TARGET ${partTarget} s`);
    }
    return violations;
  }

  /** Seconds of the playlist, skipped segments included. */
  #fullDuration({ segments, skipped, mediaSequence }: ParsedPlaylist): number {
    let seconds = segments.reduce((sum, segment) => sum + segment.seconds, 0);
    for (let i = 0; i < skipped; i++) seconds += this.#known.get(mediaSequence + i)?.segment.seconds ?? 0;
    return seconds;
  }

  /** §6.2.1: a segment, once listed, keeps its URI, duration and tags. */
  #remember(playlist: ParsedPlaylist): string[] {
    const violations: string[] = [];
    const { mediaSequence, skipped, segments } = playlist;
    let discontinuity = playlist.discontinuitySequence;
    for (let i = 0; i < skipped; i++) {
      const known = this.#known.get(mediaSequence + i);
      if (!known) violations.push(`segment ${mediaSequence + i} is skipped but was never listed`);
      else if (known.segment.discontinuity) discontinuity++;
    }
    for (const [i, segment] of segments.entries()) {
      const msn = mediaSequence + skipped + i;
      if (segment.discontinuity) discontinuity++;
      const known = this.#known.get(msn);
      if (known) violations.push(...checkSame(msn, known, { segment, discontinuitySequence: discontinuity }));
      this.#known.set(msn, { segment: segment.parts.length === 0 && known ? { ...segment, parts: known.segment.parts } : segment, discontinuitySequence: discontinuity });
    }
    for (const msn of this.#known.keys()) if (msn < mediaSequence) this.#known.delete(msn);
    return violations;
  }
}

function checkHead({ counts, version, targetDuration, partTarget, serverControl, skipped }: ParsedPlaylist): string[] {
  const violations: string[] = [];
  for (const tag of ['EXT-X-VERSION', 'EXT-X-TARGETDURATION', 'EXT-X-PART-INF', 'EXT-X-SERVER-CONTROL', 'EXT-X-MEDIA-SEQUENCE']) {
    if (counts.get(tag) !== 1) violations.push(`${tag} occurs ${counts.get(tag) ?? 0} times, once is the rule`);
  }
  for (const tag of ['EXT-X-SKIP', 'EXT-X-DISCONTINUITY-SEQUENCE', 'EXT-X-ENDLIST']) if ((counts.get(tag) ?? 0) > 1) violations.push(`${tag} occurs more than once`);
  if (version < 6 || (skipped > 0 && version < 9)) violations.push(`version ${version} does not know the tags used`);
  const seconds = (name: string): number => Number(serverControl[name] ?? Number.NaN);
  if (serverControl['CAN-BLOCK-RELOAD'] !== 'YES') violations.push('CAN-BLOCK-RELOAD is not YES');
  if (!(seconds('PART-HOLD-BACK') >= 3 * (partTarget ?? 0) - ROUNDING)) violations.push(`PART-HOLD-BACK ${serverControl['PART-HOLD-BACK']} is under 3 × PART-TARGET ${partTarget}`);
  if (!(seconds('HOLD-BACK') >= 3 * (targetDuration ?? 0))) violations.push(`HOLD-BACK ${serverControl['HOLD-BACK']} is under 3 × TARGETDURATION ${targetDuration}`);
  if (!(seconds('CAN-SKIP-UNTIL') >= 6 * (targetDuration ?? 0))) violations.push(`CAN-SKIP-UNTIL ${serverControl['CAN-SKIP-UNTIL']} is under 6 × TARGETDURATION ${targetDuration}`);
  return violations;
}

function checkHints({ hints, ended, segments }: ParsedPlaylist): string[] {
  const parts = hints.filter((hint) => hint.type === 'PART');
  if (ended) return hints.length > 0 ? ['EXT-X-PRELOAD-HINT behind the end'] : [];
  const violations = parts.length === 1 ? [] : [`${parts.length} hints for a part, one is the rule`];
  if (hints.filter((hint) => hint.type === 'MAP').length > 1) violations.push('more than one hint for a map');
  const listed = new Set(segments.flatMap((segment) => segment.parts.map((part) => part.uri)));
  for (const { uri } of parts) if (listed.has(uri)) violations.push(`the hinted part ${uri} is listed already`);
  return violations;
}

function checkWindow({ ended, mediaSequence, targetDuration = 0, skipped, segments, serverControl }: ParsedPlaylist, fullSeconds: number): string[] {
  const violations: string[] = [];
  // §6.2.2: a segment must not be removed when less than this would be left.
  if (!ended && mediaSequence > 0 && fullSeconds < 3 * targetDuration - ROUNDING) violations.push(`${fullSeconds} s are listed, three target durations are the least`);
  const shown = segments.reduce((sum, segment) => sum + segment.seconds, 0);
  if (skipped > 0 && shown < Number(serverControl['CAN-SKIP-UNTIL']) - ROUNDING)
    violations.push(`only ${shown} s are shown, CAN-SKIP-UNTIL is ${serverControl['CAN-SKIP-UNTIL']} s`);
  // §6.2.2: parts further back than three target durations are removed, but a segment keeps all its parts or none.
  let behind = 0;
  for (const segment of segments.toReversed()) {
    if (behind > 3 * targetDuration + ROUNDING && segment.parts.length > 0) violations.push(`parts are listed ${behind} s behind the end`);
    behind += segment.seconds;
  }
  return violations;
}

function checkReload(before: ParsedPlaylist, now: ParsedPlaylist): string[] {
  const violations: string[] = [];
  const constant = (name: string, a: unknown, b: unknown): void => {
    if (JSON.stringify(a) !== JSON.stringify(b)) violations.push(`${name} changed from ${JSON.stringify(a)} to ${JSON.stringify(b)}`);
  };
  constant('EXT-X-TARGETDURATION', before.targetDuration, now.targetDuration);
  constant('PART-TARGET', before.partTarget, now.partTarget);
  constant('EXT-X-SERVER-CONTROL', before.serverControl, now.serverControl);
  constant('EXT-X-VERSION', before.version, now.version);
  if (now.mediaSequence < before.mediaSequence) violations.push(`EXT-X-MEDIA-SEQUENCE went back from ${before.mediaSequence} to ${now.mediaSequence}`);
  if (now.discontinuitySequence < before.discontinuitySequence)
    violations.push(`EXT-X-DISCONTINUITY-SEQUENCE went back from ${before.discontinuitySequence} to ${now.discontinuitySequence}`);
  const end = ({ mediaSequence, skipped, segments }: ParsedPlaylist): number => mediaSequence + skipped + segments.length;
  if (end(now) < end(before)) violations.push(`the last segment went back from ${end(before)} to ${end(now)}`);
  if (before.ended && !now.ended) violations.push('EXT-X-ENDLIST was taken back');
  return violations;
}

function checkSame(msn: number, before: Known, now: Known): string[] {
  const violations: string[] = [];
  const a = before.segment;
  const b = now.segment;
  if (a.uri !== undefined && (a.uri !== b.uri || Math.abs(a.seconds - b.seconds) > ROUNDING)) violations.push(`segment ${msn} changed its URI or duration`);
  if (a.map !== b.map) violations.push(`segment ${msn} changed its map`);
  if (a.discontinuity !== b.discontinuity || before.discontinuitySequence !== now.discontinuitySequence) violations.push(`segment ${msn} changed its discontinuity number`);
  if (a.programDateTime !== b.programDateTime) violations.push(`segment ${msn} changed its date`);
  const removed = b.parts.length === 0 && b.uri !== undefined;
  if (!removed && b.parts.length < a.parts.length) violations.push(`segment ${msn} lost parts`);
  for (const [i, part] of a.parts.entries()) {
    const same = b.parts[i];
    if (same && (same.uri !== part.uri || same.seconds !== part.seconds || same.independent !== part.independent)) violations.push(`segment ${msn} changed its part ${i}`);
  }
  return violations;
}
