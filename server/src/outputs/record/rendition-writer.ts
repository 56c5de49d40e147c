/**
 * Writes what the packager makes of one rendition to disk. It reads where it stopped the last time: what waits for a slow disk waits in the
 * packager's own window, and what has left that before it was written is lost to the archive, as a gap.
 */
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseMediaFile } from '../cmaf/media-path.ts';
import type { Rendition } from '../cmaf/rendition.ts';
import type { Part, Segment } from '../cmaf/segment.ts';
import { type ArchiveFormat, fileNumberOf, indexPath, mediaPath, writeFormat } from './archive-folder.ts';
import { type ArchivedRendition, ArchivedSegment } from './archived-segment.ts';
import { type IndexRecord, writeIndexRecord } from './index-record.ts';

export interface WriterCounters {
  bytes: number;
  /** Segments that left memory before they were written. */
  lostSegments: number;
}

export interface RenditionWriterDeps {
  readonly folder: string;
  readonly epoch: string;
  readonly rendition: Rendition;
  /** Without one the media cannot be found again after the server ends. */
  readonly hasIndex: boolean;
  readonly counters: WriterCounters;
  frameSeconds(): number | undefined;
}

/** A lost segment lasts at least this, whatever the times around it say. */
const LEAST_GAP_SECONDS = 0.001;

interface OpenFile {
  readonly number: number;
  readonly handle: FileHandle;
  length: number;
}

export class RenditionWriter {
  /** Complete ones, as far back as players may go. */
  readonly segments: ArchivedSegment[] = [];
  readonly #deps: RenditionWriterDeps;
  readonly #formats = new Map<number, ArchiveFormat>();
  readonly #shared: ArchivedRendition;
  #file: OpenFile | undefined;
  #index: FileHandle | undefined;
  #isIndexDirty = false;
  #isFileDirty = false;
  /** The next to be written, and how much of it is. */
  #msn: number | undefined;
  #partsWritten = 0;
  #bytesWritten = 0;
  #secondsWritten = 0;
  #offset = 0;
  #isIndependent = false;
  #lastEndsAt: number | undefined;
  #firstFile: number | undefined;
  #seconds = 0;
  #listedSeconds = 0;
  #closedFiles = 0;

  constructor(deps: RenditionWriterDeps) {
    this.#deps = deps;
    this.#shared = { name: deps.rendition.name, folder: deps.folder, epoch: deps.epoch, formats: this.#formats };
  }

  get name(): string {
    return this.#deps.rendition.name;
  }

  /** Of complete segments on disk, those that players may not go back to included. */
  get seconds(): number {
    return this.#seconds;
  }

  /** Media files to which nothing is added any more. */
  get closedFiles(): number {
    return this.#closedFiles;
  }

  /** Everything that is there now. Rejects when the disk does not take it. */
  async write(): Promise<void> {
    for (let segment = await this.#next(); segment; segment = await this.#next()) {
      if (segment.gap) {
        await this.#put(this.#recordOf(segment, true));
        continue;
      }
      // What comes while this is written is for the next time.
      const isComplete = segment.complete;
      const parts = segment.parts.slice(this.#partsWritten);
      if (parts.length === 0 && !isComplete) return;
      await this.#writeFormatOf(segment);
      await this.#writeParts(segment, parts);
      await this.#put(this.#recordOf(segment, isComplete));
      if (!isComplete) return;
    }
  }

  /** Has the disk keep what was written, so that it is there after a power cut. */
  async sync(): Promise<void> {
    // The media first: an index must not speak of what is not there.
    if (this.#isFileDirty) await this.#file?.handle.datasync();
    this.#isFileDirty = false;
    if (this.#isIndexDirty) await this.#index?.datasync();
    this.#isIndexDirty = false;
  }

  async close(): Promise<void> {
    const { handle } = this.#file ?? {};
    this.#file = undefined;
    const index = this.#index;
    this.#index = undefined;
    await Promise.allSettled([handle?.close(), index?.close()]);
  }

  /** Players may not go back further than this. Returns the numbers of files that hold nothing else. */
  trim(windowSeconds: number): number[] {
    let count = 0;
    for (const { seconds } of this.segments) {
      if (this.#listedSeconds <= windowSeconds) break;
      this.#listedSeconds -= seconds;
      count++;
    }
    if (count > 0) this.segments.splice(0, count);
    const keptFrom = fileNumberOf(this.segments[0]?.msn ?? this.#msn ?? 0);
    const unused: number[] = [];
    for (let number = this.#firstFile ?? keptFrom; number < keptFrom; number++) unused.push(number);
    return unused;
  }

  async remove(fileNumbers: readonly number[]): Promise<void> {
    for (const number of fileNumbers) {
      await rm(mediaPath(this.#deps.folder, this.name, number), { force: true });
      this.#firstFile = number + 1;
    }
  }

  /** The segment to go on with; undefined while nothing is there. */
  async #next(): Promise<Segment | undefined> {
    const { rendition } = this.#deps;
    if (this.#msn === undefined) {
      const first = firstWithMedia(rendition);
      if (!first) return undefined;
      await this.#begin(first.msn);
      return first;
    }
    if (this.#msn < rendition.oldestMsn) await this.#lose(rendition.oldestMsn);
    const segment = rendition.segmentAt(this.#msn);
    return segment?.complete || (segment && segment.parts.length > 0) ? segment : undefined;
  }

  async #begin(msn: number): Promise<void> {
    this.#msn = msn;
    this.#firstFile = fileNumberOf(msn);
    await mkdir(join(this.#deps.folder, this.name), { recursive: true });
    if (this.#deps.hasIndex) this.#index = await open(indexPath(this.#deps.folder, this.name), 'a');
  }

  /** Up to `until`, everything has left memory. */
  async #lose(until: number): Promise<void> {
    const next = this.#deps.rendition.segmentAt(until);
    const count = until - (this.#msn ?? until);
    const startsAt = this.#lastEndsAt ?? 0;
    const seconds = Math.max(LEAST_GAP_SECONDS, ((next?.startsAt ?? startsAt) - startsAt) / 1000 / count);
    for (let i = 0; i < count; i++) {
      this.#deps.counters.lostSegments++;
      await this.#put({
        msn: until - count + i,
        discontinuitySequence: next?.discontinuitySequence ?? 0,
        format: next ? formatOf(next, this.#deps.epoch) : 0,
        timescale: next?.timescale ?? 1,
        startTicks: 0,
        durationTicks: 0,
        startsAt: startsAt + i * seconds * 1000,
        seconds,
        offset: 0,
        bytes: 0,
        complete: true,
        gap: true,
        discontinuity: false,
        final: false,
        independent: false,
      });
    }
  }

  async #writeFormatOf(segment: Segment): Promise<void> {
    const { folder, epoch, rendition, frameSeconds } = this.#deps;
    const number = formatOf(segment, epoch);
    const init = rendition.findInit(number);
    if (this.#formats.has(number) || !init || !segment.track) return;
    const format: ArchiveFormat = { track: segment.track, frameSeconds: frameSeconds() ?? null };
    await writeFormat(folder, this.name, number, format, init);
    this.#formats.set(number, format);
  }

  async #writeParts(segment: Segment, parts: readonly Part[]): Promise<void> {
    const file = await this.#fileFor(segment.msn);
    if (this.#partsWritten === 0) {
      this.#offset = file.length;
      this.#isIndependent = parts[0]?.independent ?? false;
    }
    const bytes = await writeWhole(
      file,
      parts.flatMap((part) => part.pieces),
    );
    this.#isFileDirty ||= bytes > 0;
    this.#deps.counters.bytes += bytes;
    this.#bytesWritten += bytes;
    this.#partsWritten += parts.length;
    for (const part of parts) this.#secondsWritten += part.seconds;
  }

  async #fileFor(msn: number): Promise<OpenFile> {
    const number = fileNumberOf(msn);
    if (this.#file?.number === number) return this.#file;
    // What nobody finds again need not outlast a power cut either.
    if (this.#deps.hasIndex) await this.sync();
    await this.#file?.handle.close();
    if (this.#file) this.#closedFiles++;
    this.#file = { number, handle: await open(mediaPath(this.#deps.folder, this.name, number), 'w'), length: 0 };
    return this.#file;
  }

  #recordOf(segment: Segment, isComplete: boolean): IndexRecord {
    const { timescale, seconds } = segment;
    return {
      msn: segment.msn,
      discontinuitySequence: segment.discontinuitySequence,
      format: formatOf(segment, this.#deps.epoch),
      timescale,
      startTicks: segment.startTicks ?? 0,
      durationTicks: isComplete ? segment.durationTicks : Math.round(this.#secondsWritten * timescale),
      startsAt: Math.max(0, segment.startsAt),
      seconds: isComplete ? seconds : this.#secondsWritten,
      offset: segment.gap ? 0 : this.#offset,
      bytes: this.#bytesWritten,
      complete: isComplete,
      gap: segment.gap,
      discontinuity: segment.discontinuity,
      final: segment.final,
      independent: this.#isIndependent,
    };
  }

  async #put(record: IndexRecord): Promise<void> {
    if (this.#index) {
      await this.#index.write(writeIndexRecord(record));
      this.#isIndexDirty = true;
    }
    if (!record.complete) return;
    this.segments.push(new ArchivedSegment(this.#shared, record));
    this.#seconds += record.seconds;
    this.#listedSeconds += record.seconds;
    this.#lastEndsAt = record.startsAt + record.seconds * 1000;
    this.#msn = record.msn + 1;
    this.#partsWritten = 0;
    this.#bytesWritten = 0;
    this.#secondsWritten = 0;
  }
}

/** What stands in front of a rendition's first frame is not kept. */
function firstWithMedia(rendition: Rendition): Segment | undefined {
  // Gaps that leave at the end leave a hole in the numbers.
  for (let msn = rendition.oldestMsn; msn <= rendition.open.msn; msn++) {
    const segment = rendition.segmentAt(msn);
    if (segment && !segment.gap && segment.parts.length > 0) return segment;
  }
  return undefined;
}

function formatOf(segment: Segment, epoch: string): number {
  const file = parseMediaFile(segment.mapUri, epoch);
  return file?.type === 'init' ? file.number : 0;
}

/** A write may take less than it was given; the rest is tried once more, and the reason comes with that. */
async function writeWhole(file: OpenFile, pieces: readonly Uint8Array[]): Promise<number> {
  if (pieces.length === 0) return 0;
  const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
  let { bytesWritten } = await file.handle.writev([...pieces], file.length);
  if (bytesWritten < total) {
    const all = Buffer.concat(pieces);
    while (bytesWritten < total) bytesWritten += (await file.handle.write(all, bytesWritten, total - bytesWritten, file.length + bytesWritten)).bytesWritten;
  }
  file.length += total;
  return total;
}
