/** Reads an archive: one that ended, or one that was being written when the server died. */
import { readdir } from 'node:fs/promises';
import { type Progress, UNWATCHED } from '../../lib/progress.ts';
import type { StoredFiles } from '../../lib/stored-files.ts';
import type { Tile } from '../thumbnail/storyboard.ts';
import { type About, type ArchiveFormat, fileNumberOf, indexPath, mediaPath, RENDITION_NAME, readAbout, readFormat } from './archive-folder.ts';
import { type ArchivedRendition, ArchivedSegment } from './archived-segment.ts';
import { type IndexRecord, readIndex } from './index-record.ts';
import { pictureIndexPath, picturesPath, posterPath, readTiles } from './stored-pictures.ts';

export interface StoredRendition {
  readonly name: string;
  readonly segments: readonly ArchivedSegment[];
  readonly formats: ReadonlyMap<number, ArchiveFormat>;
}

export interface StoredArchive {
  /** What the paths of its media are in. */
  readonly files: StoredFiles;
  readonly about: About;
  /** Pictures before sound, the largest first; those without media are left out. */
  readonly renditions: readonly StoredRendition[];
  /** Small pictures of it, in order. */
  readonly tiles: readonly Tile[];
  readonly hasPoster: boolean;
  /** Of the longest rendition. */
  readonly seconds: number;
  readonly bytes: number;
  /** What is not as it should be, for whoever runs the server. */
  readonly faults: readonly string[];
}

/** Of the leading rendition’s segments that a tier must have. A worker that was replaced costs one or two. */
const LEAST_SHARE = 0.9;

/** An index of a week of segments has 24 MB, one of pictures less. */
const MAX_INDEX_BYTES = 64 * 1024 * 1024;

/** Throws where this is no archive. What is torn or truncated is left out and told in `faults`. */
export async function readArchive(files: StoredFiles, progress: Pick<Progress, 'advance'> = UNWATCHED): Promise<StoredArchive> {
  const sizes = await files.sizes();
  const about = await readAbout(files);
  const names = [...new Set([...sizes.keys()].map((path) => path.split('/')[0] ?? ''))].filter((name) => RENDITION_NAME.test(name)).sort(byRank);
  const faults: string[] = [];
  const renditions: StoredRendition[] = [];
  for (const [i, name] of names.entries()) {
    progress.advance(i / names.length);
    const rendition = await readRendition({ files, sizes, name, about, faults });
    const [leading] = renditions;
    if (rendition.segments.some(({ gap }) => !gap) && (rankOf(name) !== 'tier' || (leading && isWhole(rendition, leading)))) renditions.push(rendition);
  }
  const lengths = renditions.map(({ segments }) => segments.reduce((sum, { seconds }) => sum + seconds, 0));
  // Older ones have no pictures, nor has sound.
  const pictureIndexSize = sizes.get(pictureIndexPath('')) ?? 0;
  if (pictureIndexSize > MAX_INDEX_BYTES) faults.push(`the index of pictures has ${pictureIndexSize} bytes, at most ${MAX_INDEX_BYTES} are read`);
  const tiles = pictureIndexSize > 0 && pictureIndexSize <= MAX_INDEX_BYTES ? readTiles(await files.read(pictureIndexPath(''))) : [];
  const bytes = renditions.reduce((sum, { segments }) => sum + segments.reduce((all, segment) => all + segment.bytes, 0), pictureBytes(sizes));
  return { files, about, renditions, tiles, hasPoster: sizes.has(posterPath('')), seconds: Math.max(0, ...lengths), bytes, faults };
}

function pictureBytes(sizes: ReadonlyMap<string, number>): number {
  return [...sizes].reduce((sum, [path, size]) => sum + (path.startsWith(`${picturesPath('')}/`) ? size : 0), 0);
}

interface RenditionPlace {
  readonly files: StoredFiles;
  readonly sizes: ReadonlyMap<string, number>;
  readonly name: string;
  readonly about: About;
  readonly faults: string[];
}

async function readRendition({ files, sizes, name, about, faults }: RenditionPlace): Promise<StoredRendition> {
  const formats = new Map<number, ArchiveFormat>();
  const shared: ArchivedRendition = { name, folder: '', epoch: about.epoch, formats };
  const path = indexPath('', name);
  const size = sizes.get(path) ?? 0;
  // A tier that never began has none.
  if (!sizes.has(path) && rankOf(name) !== 'tier') faults.push(`${name} has no index`);
  if (size > MAX_INDEX_BYTES) faults.push(`the index of ${name} has ${size} bytes, at most ${MAX_INDEX_BYTES} are read`);
  if (size === 0 || size > MAX_INDEX_BYTES) return { name, segments: [], formats };
  const { records, validBytes } = readIndex(await files.read(path));
  if (validBytes < size) faults.push(`${size - validBytes} bytes at the end of the index of ${name} were not read`);
  for (const number of new Set(records.filter(({ gap }) => !gap).map(({ format }) => format))) {
    const format = await readFormat(files, name, number).catch(() => undefined);
    if (format) formats.set(number, format);
    else faults.push(`format ${number} of ${name} cannot be read`);
  }
  const isThere = (record: IndexRecord): boolean => formats.has(record.format) && record.offset + record.bytes <= (sizes.get(mediaPath('', name, fileNumberOf(record.msn))) ?? 0);
  const segments = records.map((record) => {
    if (record.gap || (isThere(record) && record.bytes > 0)) return new ArchivedSegment(shared, record);
    faults.push(`segment ${record.msn} of ${name} is not whole`);
    return new ArchivedSegment(shared, { ...record, gap: true, bytes: 0 });
  });
  while (segments.at(-1)?.gap) segments.pop();
  return { name, segments, formats };
}

const RANKS = ['video', 'tier', 'audio'] as const;

/** A tier is named by its size. */
function rankOf(name: string): (typeof RANKS)[number] {
  return RANKS.find((rank) => name.startsWith(rank)) ?? 'tier';
}

/** `video` before `video2` before `720p` before `480p` before `audio`. */
function byRank(a: string, b: string): number {
  const ranks = RANKS.indexOf(rankOf(a)) - RANKS.indexOf(rankOf(b));
  const isTier = rankOf(a) === 'tier';
  return ranks || (isTier ? Number.parseInt(b, 10) - Number.parseInt(a, 10) : a.length - b.length || (a < b ? -1 : 1));
}

/** What was made only while somebody watched is no choice for whoever watches later. */
function isWhole(tier: StoredRendition, leading: StoredRendition): boolean {
  const there = new Set(tier.segments.flatMap(({ gap, msn }) => (gap ? [] : msn)));
  const wanted = leading.segments.filter(({ gap }) => !gap);
  return wanted.filter(({ msn }) => there.has(msn)).length >= LEAST_SHARE * wanted.length;
}

/** The folders of archives, by their names, which are ids. */
export async function archiveNames(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
