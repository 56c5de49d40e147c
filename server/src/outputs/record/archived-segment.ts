/** A segment on disk, as playlists list it. */
import type { PlaylistPart } from '@millrace/media/m3u8/media-playlist';
import type { Track } from '@millrace/media/track';
import type { ListedSegment, StoredMedia } from '../cmaf/listed-segment.ts';
import { type ArchiveFormat, fileNumberOf, mediaPath } from './archive-folder.ts';
import type { IndexRecord } from './index-record.ts';

/** What the segments of one rendition share. */
export interface ArchivedRendition {
  readonly name: string;
  /** Absolute while it is written; empty for one that is read, wherever that lies. */
  readonly folder: string;
  readonly epoch: string;
  readonly formats: ReadonlyMap<number, ArchiveFormat>;
}

const NO_PARTS: readonly PlaylistPart[] = [];

export class ArchivedSegment implements ListedSegment {
  readonly record: IndexRecord;
  readonly #of: ArchivedRendition;

  constructor(of: ArchivedRendition, record: IndexRecord) {
    this.#of = of;
    this.record = record;
  }

  get msn(): number {
    return this.record.msn;
  }

  get uri(): string {
    return `${this.#of.epoch}-${this.record.msn}.m4s`;
  }

  get mapUri(): string {
    return `${this.#of.epoch}-init-${this.record.format}.mp4`;
  }

  get seconds(): number {
    return this.record.seconds;
  }

  get parts(): readonly PlaylistPart[] {
    return NO_PARTS;
  }

  get complete(): boolean {
    return true;
  }

  get gap(): boolean {
    return this.record.gap;
  }

  get discontinuity(): boolean {
    return this.record.discontinuity;
  }

  get discontinuitySequence(): number {
    return this.record.discontinuitySequence;
  }

  get startsAt(): number {
    return this.record.startsAt;
  }

  get startTicks(): number | undefined {
    return this.record.gap ? undefined : this.record.startTicks;
  }

  get durationTicks(): number {
    return this.record.durationTicks;
  }

  get timescale(): number {
    return this.record.timescale;
  }

  get bytes(): number {
    return this.record.bytes;
  }

  get final(): boolean {
    return this.record.final;
  }

  get format(): ArchiveFormat | undefined {
    return this.#of.formats.get(this.record.format);
  }

  get track(): Track | undefined {
    return this.format?.track;
  }

  /** Undefined for a gap. */
  get media(): StoredMedia | undefined {
    const { msn, gap, offset, bytes } = this.record;
    if (gap || bytes === 0) return undefined;
    return { path: mediaPath(this.#of.folder, this.#of.name, fileNumberOf(msn)), offset, bytes, kind: this.track?.kind ?? 'video' };
  }
}
