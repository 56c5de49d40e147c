/**
 * The broadcast as one target takes it: one track of pictures and one of sound, through bridges where the container has no place for the
 * publisher's codec, in a bounded queue of its own, which loses whole groups of pictures when the target is slow.
 */
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { LiveStream } from '../../stream/live-stream.ts';
import { Reader } from '../../stream/reader.ts';

/** Held while bridges start: some 15 s of video and sound, as long as they are no larger than this. */
const MAX_HELD_UNITS = 1_024;
const MAX_HELD_BYTES = 16 * 1024 * 1024;

type Want = { readonly kind: 'audio'; readonly codec: 'aac' } | { readonly kind: 'video'; readonly codec: 'h264'; readonly bFrames: false };

interface Lease {
  subscribe(listener: { track(track: Track): void; unit(unit: Unit): void; fail(): void; end(): void }): () => void;
  release(): void;
}

/** The part of the bridges that is needed here. */
export interface BridgeSource {
  acquire(stream: LiveStream, want: Want): Lease;
}

export interface TargetFeedDeps {
  readonly stream: LiveStream;
  readonly bridges: BridgeSource;
  carries(track: Track): boolean;
}

interface Bridged {
  readonly lease: Lease;
  track: Track | undefined;
}

export class TargetFeed {
  /** What the target reads. Ends with the broadcast, or when it cannot go on. */
  readonly queue = new Reader();
  readonly #deps: TargetFeedDeps;
  readonly #source: Reader;
  readonly #bridges = new Map<Track['kind'], Bridged>();
  /** The publisher's tracks that are sent, directly or through a bridge. */
  #chosen: readonly Track[] = [];
  #direct = new Set<number>();
  #isTold = false;
  #held: Unit[] = [];
  #heldBytes = 0;
  /** Tracks whose next unit must be a key frame. */
  readonly #torn = new Set<number>();
  #droppedUnits = 0;
  #failure: string | undefined;

  constructor(deps: TargetFeedDeps) {
    this.#deps = deps;
    this.#source = deps.stream.read();
    void this.#pump();
  }

  /** Why the queue ended before the broadcast, a sentence. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** That the target, or a bridge, was too slow for. */
  get droppedUnits(): number {
    return this.#droppedUnits + this.queue.droppedUnits;
  }

  close(): void {
    this.#deps.stream.release(this.#source);
    for (const { lease } of this.#bridges.values()) lease.release();
    this.#bridges.clear();
    this.queue.end();
  }

  async #pump(): Promise<void> {
    for await (const item of this.#source) {
      if (item.type === 'tracks') this.#begin(item.tracks);
      else if (item.type === 'pause') this.queue.pause();
      else if (this.#direct.has(item.unit.track)) this.#pass(item.unit);
    }
    this.close();
  }

  #begin(tracks: readonly Track[]): void {
    const video = tracks.find(({ kind }) => kind === 'video');
    const audio = tracks.find(({ kind }) => kind === 'audio');
    this.#chosen = [video, audio].filter((track) => track !== undefined);
    this.#direct = new Set(this.#chosen.filter((track) => this.#deps.carries(track)).map(({ id }) => id));
    this.#isTold = false;
    this.#takeHeld();
    this.#torn.clear();
    this.#bridge('video', video, { kind: 'video', codec: 'h264', bFrames: false });
    this.#bridge('audio', audio, { kind: 'audio', codec: 'aac' });
    this.#tellWhenComplete();
  }

  #bridge(kind: Track['kind'], track: Track | undefined, want: Want): void {
    const current = this.#bridges.get(kind);
    const isNeeded = track !== undefined && !this.#direct.has(track.id);
    if (isNeeded && !current) this.#acquire(want);
    else if (!isNeeded) {
      current?.lease.release();
      this.#bridges.delete(kind);
    }
  }

  #acquire(want: Want): void {
    const bridged: Bridged = { lease: this.#deps.bridges.acquire(this.#deps.stream, want), track: undefined };
    this.#bridges.set(want.kind, bridged);
    bridged.lease.subscribe({
      track: (track) => {
        if (this.#bridges.get(want.kind) !== bridged) return;
        bridged.track = track;
        if (this.#isTold) this.#tell();
        else this.#tellWhenComplete();
      },
      unit: (unit) => {
        if (this.#bridges.get(want.kind) === bridged) this.#pass(unit);
      },
      fail: () => {
        this.#failure = `The ${want.kind === 'audio' ? 'sound' : 'picture'} could not be converted to what this service takes.`;
        this.queue.end();
      },
      // The broadcast's own end is told by its reader.
      end() {},
    });
  }

  #tellWhenComplete(): void {
    if (this.#chosen.length > 0 && [...this.#bridges.values()].every(({ track }) => track !== undefined)) this.#tell();
  }

  #tell(): void {
    this.#isTold = true;
    const held = this.#takeHeld();
    this.queue.tracks(this.#chosen.flatMap((track) => (this.#direct.has(track.id) ? track : (this.#bridges.get(track.kind)?.track ?? []))));
    for (const unit of held) this.queue.unit(unit);
  }

  #pass(unit: Unit): void {
    if (this.#isTold) {
      if (!this.#isTorn(unit)) this.queue.unit(unit);
      return;
    }
    if (this.#held.length >= MAX_HELD_UNITS || this.#heldBytes + unit.data.length > MAX_HELD_BYTES) this.#dropHeld();
    // What was dropped held this unit's references, unless it begins a group itself.
    if (this.#isTorn(unit)) return;
    this.#held.push(unit);
    this.#heldBytes += unit.data.length;
  }

  /** Whether what it refers to was dropped. */
  #isTorn({ track, key }: Unit): boolean {
    if (key) this.#torn.delete(track);
    else if (this.#torn.has(track)) this.#droppedUnits++;
    return this.#torn.has(track);
  }

  #dropHeld(): void {
    for (const { track } of this.#held) this.#torn.add(track);
    this.#droppedUnits += this.#held.length;
    this.#takeHeld();
  }

  #takeHeld(): readonly Unit[] {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }
}
