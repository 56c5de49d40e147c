/** Turns the packets of a source into tracks and units. Pure: waiting is counted in the source’s own time. Lies between the session and the hub. */
import { ProtocolError } from '@millrace/media/protocol-error';
import { Slabs } from '@millrace/media/slabs';
import { rescale } from '@millrace/media/time';
import { bestFirst, type Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { DemuxedPacket, DemuxedStream } from '../../transports/ffmpeg/messages.ts';
import { AudioSource } from './audio-source.ts';
import { VIDEO_TIMESCALE, VideoSource } from './video-source.ts';

export interface StreamTarget {
  /** Before the first unit, and whenever a format changes. */
  tracks(tracks: readonly Track[]): void;
  unit(unit: Unit): void;
  /** Once for each stream that cannot be served, by the name of its codec. */
  unsupported(codec: string): void;
  /** Packets that could not be used. */
  dropped(units: number): void;
}

const IDS = { video: 1, audio: 2 } as const;

/** How long one kind is waited for when the other is there, and how much is held meanwhile. */
const ANNOUNCE_AFTER_SECONDS = 2;
const MAX_HELD_UNITS = 600;
const MAX_HELD_BYTES = 16 * 1024 * 1024;

export class ToStream {
  readonly #target: StreamTarget;
  /** By the index of the stream. */
  readonly #sources = new Map<number, { readonly source: VideoSource | AudioSource; readonly timescale: number }>();
  readonly #memory = new Slabs();
  #announced: readonly Track[] = [];
  #held: Unit[] = [];
  #heldBytes = 0;
  #firstSeconds: number | undefined;

  /** @param streams at most one of pictures and one of sound. */
  constructor(streams: readonly DemuxedStream[], target: StreamTarget) {
    this.#target = target;
    for (const stream of streams) {
      const source = sourceOf(stream);
      if (source) this.#sources.set(stream.index, { source, timescale: stream.timescale });
      else target.unsupported(typeof stream.codec === 'string' ? stream.codec : stream.codec.unsupported);
    }
  }

  /** False: nothing of it can be served. */
  get isServed(): boolean {
    return this.#sources.size > 0;
  }

  packet(packet: DemuxedPacket): void {
    const entry = this.#sources.get(packet.stream);
    if (!entry) return;
    const seconds = packet.dts / entry.timescale;
    try {
      for (const unit of unitsOf(entry.source, entry.timescale, packet)) this.#write({ ...unit, data: this.#memory.copy(unit.data) }, entry.source);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#target.dropped(1);
    }
    this.#announceWhenComplete(seconds);
  }

  #write(unit: Unit, { track }: VideoSource | AudioSource): void {
    if (track && this.#announced.includes(track)) this.#target.unit(unit);
    else if (this.#isFull) this.#target.dropped(1);
    else {
      this.#held.push(unit);
      this.#heldBytes += unit.data.length;
    }
  }

  get #isFull(): boolean {
    return this.#held.length >= MAX_HELD_UNITS || this.#heldBytes >= MAX_HELD_BYTES;
  }

  #announceWhenComplete(seconds: number): void {
    const tracks = [...this.#sources.values()].flatMap(({ source }) => source.track ?? []);
    if (tracks.length === 0) return;
    this.#firstSeconds ??= seconds;
    const isNews = tracks.some((track) => !this.#announced.includes(track));
    const isLate = this.#announced.length > 0 || Math.abs(seconds - this.#firstSeconds) >= ANNOUNCE_AFTER_SECONDS || this.#isFull;
    if (!isNews || (tracks.length < this.#sources.size && !isLate)) return;
    this.#announced = tracks.toSorted(bestFirst);
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    this.#target.tracks(this.#announced);
    for (const unit of held) this.#target.unit(unit);
  }
}

function sourceOf(stream: DemuxedStream): VideoSource | AudioSource | undefined {
  try {
    return stream.kind === 'video' ? VideoSource.create(IDS.video, stream) : AudioSource.create(IDS.audio, stream);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function unitsOf(source: VideoSource | AudioSource, timescale: number, { dts, pts, key, data }: DemuxedPacket): readonly Unit[] {
  if (source instanceof AudioSource) return source.units(data, pts / timescale);
  const sample = source.sample(data, key);
  if (!sample) return [];
  const at = rescale(dts, timescale, VIDEO_TIMESCALE);
  return [{ track: IDS.video, dts: at, pts: Math.max(at, rescale(pts, timescale, VIDEO_TIMESCALE)), key: sample.key, data: sample.data }];
}
