/** One run of a broadcast on disk, as it happens: what its players may go back to, and what is kept of it. */
import { mkdir, rm } from 'node:fs/promises';
import type { ListedSegment, PastSegments, StoredMedia } from '../cmaf/listed-segment.ts';
import type { Packager } from '../cmaf/packager.ts';
import type { Storyboard } from '../thumbnail/storyboard.ts';
import { writeAbout } from './archive-folder.ts';
import type { ArchivedSegment } from './archived-segment.ts';
import { PictureWriter } from './picture-writer.ts';
import { RenditionWriter, type WriterCounters } from './rendition-writer.ts';

export interface ArchiveDeps {
  readonly folder: string;
  readonly streamId: string;
  readonly packager: Packager;
  readonly storyboard: Storyboard | undefined;
  /** Whether it stays when the broadcast is over. */
  readonly isKept: boolean;
  /** How far back players may go while it is live; infinity: to the beginning. */
  readonly rewindSeconds: number;
  /** Of this archive alone. */
  readonly counters: WriterCounters;
}

export class Archive implements PastSegments {
  readonly #deps: ArchiveDeps;
  readonly #writers = new Map<string, RenditionWriter>();
  readonly #pictures: PictureWriter | undefined;
  #rewindSeconds: number;
  #hasFolder = false;

  constructor(deps: ArchiveDeps) {
    this.#deps = deps;
    this.#pictures = deps.storyboard && new PictureWriter({ ...deps, storyboard: deps.storyboard });
    this.#rewindSeconds = deps.rewindSeconds;
  }

  /** Of its longest rendition. */
  get seconds(): number {
    return Math.max(0, ...[...this.#writers.values()].map(({ seconds }) => seconds));
  }

  get bytes(): number {
    return this.#deps.counters.bytes;
  }

  get counters(): Readonly<WriterCounters> {
    return this.#deps.counters;
  }

  /** Media files to which nothing is added any more. */
  get closedFiles(): number {
    return [...this.#writers.values()].reduce((sum, { closedFiles }) => sum + closedFiles, 0);
  }

  segments(rendition: string): readonly ArchivedSegment[] {
    return this.#writers.get(rendition)?.segments ?? [];
  }

  find(rendition: string, msn: number): ListedSegment | undefined {
    return this.#find(rendition, msn);
  }

  media(rendition: string, msn: number): StoredMedia | undefined {
    return this.#find(rendition, msn)?.media;
  }

  /** Everything that the packager has made since the last time. Rejects when the disk does not take it. */
  async write(): Promise<void> {
    const { packager, folder, streamId, isKept, counters } = this.#deps;
    if (!this.#hasFolder) {
      await mkdir(folder, { recursive: true });
      await writeAbout(folder, { layout: 1, streamId, epoch: packager.epoch, createdAt: packager.createdAt });
      this.#hasFolder = true;
    }
    for (const rendition of packager.renditions) {
      let writer = this.#writers.get(rendition.name);
      if (!writer) {
        writer = new RenditionWriter({ folder, epoch: packager.epoch, rendition, hasIndex: isKept, counters, frameSeconds: () => packager.frameSecondsOf(rendition) });
        this.#writers.set(rendition.name, writer);
      }
      await writer.write();
      if (isKept) await writer.sync();
      const unused = writer.trim(this.#rewindSeconds);
      if (!isKept) await writer.remove(unused);
    }
    await this.#pictures?.write();
    await this.#pictures?.trim(this.#firstSeconds);
  }

  /** Gives up half of what players may go back to. False: what is left is too little to give back a part of it. */
  async shrink(): Promise<boolean> {
    const lengths = [...this.#writers.values()].map(({ segments }) => segments.reduce((sum, { seconds }) => sum + seconds, 0));
    this.#rewindSeconds = Math.max(0, ...lengths) / 2;
    let removed = 0;
    for (const writer of this.#writers.values()) {
      const unused = writer.trim(this.#rewindSeconds);
      await writer.remove(unused);
      removed += unused.length;
    }
    await this.#pictures?.trim(this.#firstSeconds);
    return removed > 0;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#writers.values(), this.#pictures].map((writer) => writer?.close()));
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.#deps.folder, { recursive: true, force: true });
  }

  /** Of what players may go back to, on the broadcast's timeline; infinity: they may not. */
  get #firstSeconds(): number {
    const { leading } = this.#deps.packager;
    const first = leading && this.segments(leading.name).find(({ gap }) => !gap);
    return first?.startTicks === undefined ? Number.POSITIVE_INFINITY : first.startTicks / first.timescale;
  }

  #find(rendition: string, msn: number): ArchivedSegment | undefined {
    const segments = this.segments(rendition);
    return segments[msn - (segments[0]?.msn ?? 0)];
  }
}
