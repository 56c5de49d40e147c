/**
 * How an archive lies on disk: `about.json`, and for each rendition a folder with its index, its formats (`0.json` and the init segment
 * `0.mp4`) and its media, so many segments a file (`media-0.m4s`), as they were sent.
 */
import { writeFile } from 'node:fs/promises';
// Paths inside of an archive are names in object storage, too: with slashes, which every system takes.
import { join } from 'node:path/posix';
import type { Track } from '@millrace/media/track';
import { z } from 'zod';
import type { StoredFiles } from '../../lib/stored-files.ts';

/** So many segments lie in one file: some two minutes, the least that is given back when a window moves on. */
const SEGMENTS_PER_FILE = 64;

/** What an archive is of. */
const About = z.strictObject({
  layout: z.literal(1),
  streamId: z.string().max(64),
  /** As in the names of its files when it was live. */
  epoch: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  /** Milliseconds since the Unix epoch that time 0 stands for. */
  createdAt: z.number().nonnegative(),
});
export type About = z.infer<typeof About>;

const bytes = z
  .string()
  .max(1_000_000)
  .transform((text): Uint8Array => Buffer.from(text, 'base64'));
const base = { id: z.int(), timescale: z.int().positive(), codecString: z.string().max(100), config: bytes };
const StoredTrack = z.discriminatedUnion('kind', [
  z.strictObject({ ...base, kind: z.literal('video'), codec: z.enum(['h264', 'hevc', 'av1', 'vp9', 'vp8']), width: z.int().nonnegative(), height: z.int().nonnegative() }),
  z.strictObject({
    ...base,
    kind: z.literal('audio'),
    codec: z.enum(['aac', 'opus', 'mp3', 'flac', 'ac3', 'eac3']),
    sampleRate: z.int().nonnegative(),
    channels: z.int().nonnegative(),
  }),
]);
const StoredFormat = z.strictObject({ track: StoredTrack, frameSeconds: z.number().positive().nullable() });

/** What a rendition was in, from some segment on. */
export interface ArchiveFormat {
  readonly track: Track;
  /** Mean duration of its first frames; null where it was not measured. */
  readonly frameSeconds: number | null;
}

/** Names of renditions as the packager gives them: nothing else is looked for in a folder. */
export const RENDITION_NAME = /^(?:(?:video|audio)\d{0,3}|\d{2,4}p)$/;

export function fileNumberOf(msn: number): number {
  return Math.floor(msn / SEGMENTS_PER_FILE);
}

/** Without a folder: inside of the archive. */
export function mediaPath(folder: string, rendition: string, fileNumber: number): string {
  return join(folder, rendition, `media-${fileNumber}.m4s`);
}

export function indexPath(folder: string, rendition: string): string {
  return join(folder, rendition, 'index');
}

export function initPath(folder: string, rendition: string, format: number): string {
  return join(folder, rendition, `${format}.mp4`);
}

function formatPath(folder: string, rendition: string, format: number): string {
  return join(folder, rendition, `${format}.json`);
}

/** Media files that another one follows: nothing is added to them. What else there is, grows. */
export function closedFiles(paths: readonly string[]): string[] {
  const last = new Map<string, number>();
  const media = paths.flatMap((path) => {
    const [, rendition, number] = /^([^/]+)\/media-(\d+)\.m4s$/.exec(path) ?? [];
    return rendition === undefined ? [] : [{ path, rendition, number: Number(number) }];
  });
  for (const { rendition, number } of media) last.set(rendition, Math.max(last.get(rendition) ?? 0, number));
  return media.filter(({ rendition, number }) => number < (last.get(rendition) ?? 0)).map(({ path }) => path);
}

export async function writeAbout(folder: string, about: About): Promise<void> {
  await writeFile(join(folder, 'about.json'), JSON.stringify(about));
}

/** Throws where it is missing or not what it should be. */
export async function readAbout(files: StoredFiles): Promise<About> {
  return About.parse(await readJson(files, 'about.json'));
}

export async function writeFormat(folder: string, rendition: string, format: number, { track, frameSeconds }: ArchiveFormat, init: Uint8Array): Promise<void> {
  const stored = { track: { ...track, config: Buffer.from(track.config).toString('base64') }, frameSeconds };
  await writeFile(initPath(folder, rendition, format), init);
  await writeFile(formatPath(folder, rendition, format), JSON.stringify(stored));
}

/** Throws where it is missing or not what it should be. */
export async function readFormat(files: StoredFiles, rendition: string, format: number): Promise<ArchiveFormat> {
  return StoredFormat.parse(await readJson(files, formatPath('', rendition, format)));
}

async function readJson(files: StoredFiles, path: string): Promise<unknown> {
  return JSON.parse(Buffer.from(await files.read(path)).toString());
}
