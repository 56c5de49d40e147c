/**
 * A recording as one MP4 file: a header that names every sample, and behind it the segments as they lie on disk. Nothing is copied or
 * converted; only the headers of the chunks are read. The best picture and the first sound are in it. Where the codec changes, the one that
 * most of it has is kept; other settings of that codec are further descriptions of the same track.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { headBytes, readFragmentHead } from '@millrace/media/isobmff/fragment-head';
import { MovieTrack, writeMovieHead } from '@millrace/media/isobmff/movie';
import { rescale } from '@millrace/media/time';
import type { Extent } from '../../transports/http/send-stored.ts';
import type { StoredMedia } from '../cmaf/listed-segment.ts';
import type { ArchivedSegment } from './archived-segment.ts';
import type { StoredArchive, StoredRendition } from './read-archive.ts';
import { type Stretch, stretchesOf } from './stretches.ts';
import { usualTrack } from './vod-playlists.ts';

export interface Download {
  readonly extents: readonly Extent[];
  readonly size: number;
}

/** The head of a chunk of a few frames fits; a longer one is read again, whole. */
const USUAL_HEAD_BYTES = 2048;

/** No head of ours is longer: a quarter of a million samples in a part. */
const MAX_HEAD_BYTES = 4 * 1024 * 1024;

interface Lane {
  readonly movie: MovieTrack;
  readonly codec: string;
  readonly segments: readonly ArchivedSegment[];
}

/** Rejects when the files are not what the index says. Undefined when there is nothing in it. */
export async function openDownload({ renditions }: StoredArchive): Promise<Download | undefined> {
  const [leading] = renditions;
  if (!leading) return undefined;
  const video = renditions.find((rendition) => usualTrack(rendition)?.kind === 'video');
  const audio = renditions.find((rendition) => usualTrack(rendition)?.kind === 'audio');
  const lanes = [video, audio].flatMap((rendition) => (rendition ? (laneOf(rendition) ?? []) : []));
  const extents: Extent[] = [];
  let mediaBytes = 0;
  const files = new HeadReader();
  try {
    for (const stretch of stretchesOf(leading)) {
      for (let msn = stretch.firstMsn; msn <= stretch.lastMsn; msn++) {
        for (const lane of lanes) {
          const segment = lane.segments[msn - (lane.segments[0]?.msn ?? 0)];
          const media = segment?.media;
          if (!media || segment.track?.codec !== lane.codec) continue;
          await addSegment(lane, segment, { media, at: mediaBytes, stretch, files });
          extents.push(media);
          mediaBytes += media.bytes;
        }
      }
    }
  } finally {
    await files.close();
  }
  const movies = lanes.map(({ movie }) => movie).filter(({ sampleCount }) => sampleCount > 0);
  if (movies.length === 0) return undefined;
  const head = writeMovieHead(movies, mediaBytes);
  return { extents: [{ data: head, bytes: head.length }, ...extents], size: head.length + mediaBytes };
}

function laneOf(rendition: StoredRendition): Lane | undefined {
  const track = usualTrack(rendition);
  return track && { movie: new MovieTrack(track), codec: track.codec, segments: rendition.segments };
}

interface Place {
  readonly media: StoredMedia;
  /** Where the segment begins in the media of the file. */
  readonly at: number;
  readonly stretch: Stretch;
  readonly files: HeadReader;
}

async function addSegment({ movie }: Lane, { track, timescale }: ArchivedSegment, { media, at, stretch, files }: Place): Promise<void> {
  if (!track) return;
  const shift = stretch.shownAt - stretch.start;
  for (let done = 0; done < media.bytes; ) {
    const head = readFragmentHead(await files.head(media, done));
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

/** Reads the beginnings of chunks. One file is open for each rendition. */
class HeadReader {
  readonly #open = new Map<string, { readonly path: string; readonly handle: FileHandle }>();

  async head({ path, offset, bytes, kind }: StoredMedia, at: number): Promise<Uint8Array> {
    const handle = await this.#handle(kind, path);
    const left = bytes - at;
    const usual = await readAt(handle, offset + at, Math.min(USUAL_HEAD_BYTES, left));
    const length = headBytes(usual) ?? 0;
    if (length <= usual.length || length > Math.min(left, MAX_HEAD_BYTES)) return usual;
    return readAt(handle, offset + at, length);
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map(({ handle }) => handle.close()));
    this.#open.clear();
  }

  async #handle(kind: string, path: string): Promise<FileHandle> {
    const known = this.#open.get(kind);
    if (known?.path === path) return known.handle;
    await known?.handle.close();
    const handle = await open(path, 'r');
    this.#open.set(kind, { path, handle });
    return handle;
  }
}

async function readAt(handle: FileHandle, offset: number, bytes: number): Promise<Uint8Array> {
  const piece = Buffer.allocUnsafe(bytes);
  const { bytesRead } = await handle.read(piece, 0, bytes, offset);
  return piece.subarray(0, bytesRead);
}

/** A name that every system takes (RFC 6266, RFC 8187): the title in ASCII for old readers, and as it is for all others. */
export function attachmentHeader(title: string): string {
  // What file systems and shells make something else of, and what would end the quotes.
  const safe = title.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\:*?"<>|%]/gu, '_').replace(/^[.\s]+|[.\s]+$/g, '');
  const name = `${safe === '' ? 'recording' : safe}.mp4`;
  const ascii = name.replaceAll(/[^\x20-\x7e]/g, '_');
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encodeURIComponent(name.toWellFormed()).replaceAll(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)}`;
}
