/** A bounded queue between a stream and one slow thing. Falling behind loses whole groups of pictures, never the publisher's time. */
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Sink } from './sink.ts';

export type ReaderItem = { readonly type: 'tracks'; readonly tracks: readonly Track[] } | { readonly type: 'unit'; readonly unit: Unit } | { readonly type: 'pause' };

/** About 8 s of 30 fps video with sound: more would only be shown late. */
const DEFAULT_MAX_UNITS = 640;
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

export class Reader implements Sink, AsyncIterable<ReaderItem> {
  readonly #maxUnits: number;
  readonly #maxBytes: number;
  #queue: ReaderItem[] = [];
  #bytes = 0;
  #videoTracks = new Set<number>();
  /** Video tracks whose next unit must be a key frame. */
  readonly #awaitingKey = new Set<number>();
  #ended = false;
  #wake: (() => void) | undefined;
  #droppedUnits = 0;

  constructor(limits: { readonly maxUnits?: number; readonly maxBytes?: number } = {}) {
    this.#maxUnits = limits.maxUnits ?? DEFAULT_MAX_UNITS;
    this.#maxBytes = limits.maxBytes ?? DEFAULT_MAX_BYTES;
  }

  /** Units this reader was too slow for. */
  get droppedUnits(): number {
    return this.#droppedUnits;
  }

  tracks(tracks: readonly Track[]): void {
    this.#videoTracks = new Set(tracks.filter((track) => track.kind === 'video').map((track) => track.id));
    this.#awaitingKey.clear();
    if (this.#queue.length >= this.#maxUnits) this.#dropQueue();
    this.#push({ type: 'tracks', tracks });
  }

  unit(unit: Unit): void {
    if (this.#awaitingKey.has(unit.track)) {
      if (!unit.key) {
        this.#droppedUnits++;
        return;
      }
      this.#awaitingKey.delete(unit.track);
    }
    if (this.#queue.length >= this.#maxUnits || this.#bytes + unit.data.length > this.#maxBytes) this.#dropQueue();
    // What was dropped held this unit's references, unless it begins a group itself.
    if (this.#awaitingKey.has(unit.track) && !unit.key) {
      this.#droppedUnits++;
      return;
    }
    this.#awaitingKey.delete(unit.track);
    this.#bytes += unit.data.length;
    this.#push({ type: 'unit', unit });
  }

  pause(): void {
    if (this.#queue.length >= this.#maxUnits) this.#dropQueue();
    this.#push({ type: 'pause' });
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<ReaderItem> {
    for (;;) {
      const item = this.#queue.shift();
      if (item) {
        if (item.type === 'unit') this.#bytes -= item.unit.data.length;
        yield item;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    }
  }

  #push(item: ReaderItem): void {
    this.#queue.push(item);
    this.#wake?.();
  }

  /** The newest formats stay in the queue: without them what follows could not be read. */
  #dropQueue(): void {
    const formats = this.#queue.findLast((item) => item.type === 'tracks');
    for (const item of this.#queue) if (item.type === 'unit') this.#droppedUnits++;
    this.#queue = formats ? [formats] : [];
    this.#bytes = 0;
    for (const track of this.#videoTracks) this.#awaitingKey.add(track);
  }
}
