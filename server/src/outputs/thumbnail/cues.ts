/** A storyboard as WebVTT: for each time the part of a sheet that shows it. */
import type { Tile } from './storyboard.ts';

/** Where times of the broadcast are shown: from `start` to `end` they become those from `shownAt` on. Seconds. */
export interface ShownStretch {
  readonly start: number;
  readonly end: number;
  readonly shownAt: number;
}

interface SheetName {
  readonly epoch: string;
  readonly sheet: number;
  /** How many pictures it has at least: a sheet that grew has another name, so that whoever has the old one asks again. */
  readonly count: number;
}

interface Cue {
  readonly from: number;
  readonly to: number;
  readonly tile: Tile;
}

/** WebVTT tells times in milliseconds, and a cue must end after it begins. */
const LEAST_SECONDS = 0.002;

const SHEET_NAME = /^sprite-([A-Za-z0-9_-]{1,64})-(\d{1,6})-(\d{1,3})\.jpg$/;

export function parseSheetName(name: string): SheetName | undefined {
  const [, epoch, sheet, count] = SHEET_NAME.exec(name) ?? [];
  return epoch === undefined ? undefined : { epoch, sheet: Number(sheet), count: Number(count) };
}

export interface StoryboardText {
  readonly epoch: string;
  /** In the order of their times. */
  readonly tiles: readonly Tile[];
  /** In order. Each is filled from its beginning to its end. */
  readonly stretches: readonly ShownStretch[];
  /** `` or `?token=…`, put behind every URI. */
  readonly query: string;
  /** What time 0 stands for, milliseconds since the Unix epoch; undefined where times are those of a recording. */
  readonly zeroAt?: number;
}

export function writeStoryboard({ epoch, tiles, stretches, query, zeroAt }: StoryboardText): string {
  const counts = new Map<number, number>();
  for (const { sheet } of tiles) counts.set(sheet, (counts.get(sheet) ?? 0) + 1);
  const blocks = ['WEBVTT'];
  if (zeroAt !== undefined) blocks.push(`NOTE PROGRAM-DATE-TIME ${new Date(zeroAt).toISOString()}`);
  for (const { from, to, tile } of cuesOf(tiles, stretches)) {
    const { sheet, x, y, width, height } = tile;
    blocks.push(`${timestamp(from)} --> ${timestamp(to)}\nsprite-${epoch}-${sheet}-${counts.get(sheet) ?? 0}.jpg${query}#xywh=${x},${y},${width},${height}`);
  }
  return `${blocks.join('\n\n')}\n`;
}

/** Each picture stands until the next; the first of a stretch from its beginning on. */
function cuesOf(tiles: readonly Tile[], stretches: readonly ShownStretch[]): Cue[] {
  const cues: Cue[] = [];
  let next = 0;
  for (const { start, end, shownAt } of stretches) {
    while ((tiles[next]?.seconds ?? start) < start) next++;
    const first = next;
    for (let tile = tiles[next]; tile && tile.seconds < end; tile = tiles[next]) {
      const from = next === first ? start : tile.seconds;
      const to = Math.min(end, tiles[next + 1]?.seconds ?? end);
      if (to - from >= LEAST_SECONDS) cues.push({ from: shownAt + from - start, to: shownAt + to - start, tile });
      next++;
    }
  }
  return cues;
}

/** `01:02:03.456`. */
function timestamp(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  const [h, m, s] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60].map((part) => String(part).padStart(2, '0'));
  return `${h}:${m}:${s}.${String(ms % 1000).padStart(3, '0')}`;
}
