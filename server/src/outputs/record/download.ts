/**
 * A recording as one MP4 file: a header that names every sample, and behind it the segments as they lie on disk. Nothing is copied or
 * converted; only the headers of the chunks are read. The best picture and the first sound are in it. Where the codec changes, the one that
 * most of it has is kept; other settings of that codec are further descriptions of the same track.
 */
import { rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { headBytes, readFragmentHead } from '@millrace/media/isobmff/fragment-head';
import { MovieTrack, writeMovieHead } from '@millrace/media/isobmff/movie';
import { rescale } from '@millrace/media/time';
import type { Progress } from '../../lib/progress.ts';
import { DiskFiles, type StoredFiles, type StoredReader } from '../../lib/stored-files.ts';
import type { StoredMedia } from '../cmaf/listed-segment.ts';
import type { ArchivedSegment } from './archived-segment.ts';
import { readArchive, type StoredArchive, type StoredRendition } from './read-archive.ts';
import { type Stretch, stretchesOf } from './stretches.ts';
import { usualTrack } from './vod-playlists.ts';

export interface Download {
  /** What stands in front of the media. */
  readonly head: Uint8Array;
  readonly media: readonly StoredMedia[];
  /** Of both. */
  readonly size: number;
}

/** The head of a chunk of a few frames fits; a longer one is read again, whole. */
const USUAL_HEAD_BYTES = 2048;

/** No head of ours is longer: a quarter of a million samples in a part. */
const MAX_HEAD_BYTES = 4 * 1024 * 1024;

/** Another way of choosing what is in the file needs another name. */
const HEAD_PATH = 'download-1.head';

/** Hears how far a header is. Whoever made it ends it. */
type Advance = Pick<Progress, 'advance'>;

interface Lane {
  readonly movie: MovieTrack;
  readonly codec: string;
  readonly segments: readonly ArchivedSegment[];
}

/**
 * Uses the header that lies with the archive, where there is one. Rejects when the files are not what the index says. Undefined when there is
 * nothing in it.
 */
export async function openDownload(archive: StoredArchive, progress: Advance): Promise<Download | undefined> {
  const lanes = lanesOf(archive);
  const places = placesOf(archive, lanes);
  const media = places.map((place) => place.media);
  const mediaBytes = media.reduce((sum, { bytes }) => sum + bytes, 0);
  const head = (await keptHead(archive.files, mediaBytes)) ?? (await headOf({ files: archive.files, lanes, places, mediaBytes, progress }));
  return head && { head, media, size: head.length + mediaBytes };
}

/** Puts the header beside the media, so that a copy elsewhere, where every look costs a journey, need not be gone through. */
export async function keepDownloadHead(folder: string, progress: Advance): Promise<void> {
  const path = join(folder, HEAD_PATH);
  if (await stat(path).catch(() => undefined)) return;
  const archive = await readArchive(new DiskFiles(folder));
  const lanes = lanesOf(archive);
  const places = placesOf(archive, lanes);
  const mediaBytes = places.reduce((sum, { media }) => sum + media.bytes, 0);
  const head = await headOf({ files: archive.files, lanes, places, mediaBytes, progress });
  if (!head) return;
  await writeFile(`${path}.new`, head);
  await rename(`${path}.new`, path);
}

/** Undefined when there is none, or it is of other media. */
async function keptHead(files: StoredFiles, mediaBytes: number): Promise<Uint8Array | undefined> {
  if (!(await files.sizes()).has(HEAD_PATH)) return undefined;
  const head = await files.read(HEAD_PATH);
  // It ends with the size of the box that the media is in, its own header of 16 bytes included.
  return head.length >= 16 && Buffer.from(head).readBigUInt64BE(head.length - 8) === BigInt(mediaBytes + 16) ? head : undefined;
}

interface HeadWork {
  readonly files: StoredFiles;
  readonly lanes: readonly Lane[];
  readonly places: readonly Place[];
  readonly mediaBytes: number;
  readonly progress: Advance;
}

async function headOf({ files, lanes, places, mediaBytes, progress }: HeadWork): Promise<Uint8Array | undefined> {
  const reader = files.reader();
  try {
    for (const [i, place] of places.entries()) {
      progress.advance(i / places.length);
      await addSegment(place, reader);
    }
  } finally {
    await reader.close();
  }
  const movies = lanes.map(({ movie }) => movie).filter(({ sampleCount }) => sampleCount > 0);
  return movies.length === 0 ? undefined : writeMovieHead(movies, mediaBytes);
}

function lanesOf({ renditions }: StoredArchive): Lane[] {
  const video = renditions.find((rendition) => usualTrack(rendition)?.kind === 'video');
  const audio = renditions.find((rendition) => usualTrack(rendition)?.kind === 'audio');
  return [video, audio].flatMap((rendition) => (rendition ? (laneOf(rendition) ?? []) : []));
}

/** In the order of the file. */
function placesOf({ renditions: [leading] }: StoredArchive, lanes: readonly Lane[]): Place[] {
  const places: Place[] = [];
  let at = 0;
  for (const stretch of leading ? stretchesOf(leading) : []) {
    for (let msn = stretch.firstMsn; msn <= stretch.lastMsn; msn++) {
      for (const lane of lanes) {
        const segment = lane.segments[msn - (lane.segments[0]?.msn ?? 0)];
        const media = segment?.media;
        if (!media || segment.track?.codec !== lane.codec) continue;
        places.push({ lane, segment, media, at, stretch });
        at += media.bytes;
      }
    }
  }
  return places;
}

function laneOf(rendition: StoredRendition): Lane | undefined {
  const track = usualTrack(rendition);
  return track && { movie: new MovieTrack(track), codec: track.codec, segments: rendition.segments };
}

interface Place {
  readonly lane: Lane;
  readonly segment: ArchivedSegment;
  readonly media: StoredMedia;
  /** Where the segment begins in the media of the file. */
  readonly at: number;
  readonly stretch: Stretch;
}

async function addSegment({ lane: { movie }, segment: { track, timescale }, media, at, stretch }: Place, reader: StoredReader): Promise<void> {
  if (!track) return;
  const shift = stretch.shownAt - stretch.start;
  for (let done = 0; done < media.bytes; ) {
    const head = readFragmentHead(await headAt(reader, media, done));
    let dts = head.dts;
    const samples = head.samples.map(({ duration, bytes, composition, key }) => {
      const time = Math.max(0, rescale(dts, timescale, movie.timescale) + Math.round(shift * movie.timescale));
      dts += duration;
      return { dts: time, duration: rescale(duration, timescale, movie.timescale), bytes, composition: rescale(composition, timescale, movie.timescale), key };
    });
    movie.addChunk(track, at + done + head.dataOffset, samples);
    done += head.bytes;
  }
}

async function headAt(reader: StoredReader, { path, offset, bytes }: StoredMedia, at: number): Promise<Uint8Array> {
  const left = bytes - at;
  const usual = await reader.read(path, offset + at, Math.min(USUAL_HEAD_BYTES, left));
  const length = headBytes(usual) ?? 0;
  if (length <= usual.length || length > Math.min(left, MAX_HEAD_BYTES)) return usual;
  return reader.read(path, offset + at, length);
}

/** A name that every system takes (RFC 6266, RFC 8187): the title in ASCII for old readers, and as it is for all others. */
export function attachmentHeader(title: string): string {
  // What file systems and shells make something else of, and what would end the quotes.
  const safe = title.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\:*?"<>|%]/gu, '_').replace(/^[.\s]+|[.\s]+$/g, '');
  const name = `${safe === '' ? 'recording' : safe}.mp4`;
  const ascii = name.replaceAll(/[^\x20-\x7e]/g, '_');
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encodeURIComponent(name.toWellFormed()).replaceAll(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)}`;
}
