/**
 * Turns the media messages of a publisher into tracks and units. Pure: time is that of the messages, and whoever owns it
 * says when waiting for a missing track is over. Lies between the session and the hub.
 */
import { readAmf0 } from '@millrace/media/amf/read';
import { type AmfValue, isAmfObject } from '@millrace/media/amf/value';
import { readAudioTag } from '@millrace/media/flv/audio-tag';
import { readVideoTag, type VideoPacket } from '@millrace/media/flv/video-tag';
import { splitAggregate } from '@millrace/media/rtmp/aggregate';
import { withoutAmf3Byte } from '@millrace/media/rtmp/command';
import { type Message, MessageType } from '@millrace/media/rtmp/message';
import { Unwrapper } from '@millrace/media/time';
import { bestFirst, type Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { AudioSource } from './audio-source.ts';
import { VideoSource } from './video-source.ts';

export interface StreamTarget {
  /**
   * Before the first unit, and whenever a format changes.
   * @param since when the first of the units that follow arrived, milliseconds since the Unix epoch.
   */
  tracks(tracks: readonly Track[], since: number): void;
  /** @param arrivedAt milliseconds since the Unix epoch. */
  unit(unit: Unit, arrivedAt: number): void;
  /** Once for each thing that is sent but cannot be served. */
  unsupported(what: string): void;
  /** Frames that could not be used. */
  dropped(units: number): void;
}

const VIDEO_ID = 1;
const AUDIO_ID = 2;

/** Further sizes of the picture have the ids from here. */
const NEXT_SIZE_ID = 3;
const MAX_FURTHER_SIZES = 3;

/** How much media is held while a promised track has not shown itself. */
const ANNOUNCE_AFTER_MS = 1_000;
const MAX_HELD_UNITS = 600;
const MAX_HELD_BYTES = 16 * 1024 * 1024;

type Kind = 'video' | 'audio';

interface HeldUnit {
  readonly unit: Unit;
  readonly arrivedAt: number;
}

interface TrackSlot<Source> {
  source: Source | undefined;
  /** The track's number in multitrack messages; the first one seen is served, and of pictures others of its codec beside it. */
  trackId: number | undefined;
  /** Whether the metadata says that it comes; undefined while nothing says so. */
  promised: boolean | undefined;
}

export class ToStream {
  readonly #target: StreamTarget;
  readonly #clock = new Unwrapper(32);
  readonly #video: TrackSlot<VideoSource> = { source: undefined, trackId: undefined, promised: undefined };
  /** The same picture at other sizes, by the number of the track. */
  readonly #sizes = new Map<number, VideoSource>();
  readonly #audio: TrackSlot<AudioSource> = { source: undefined, trackId: undefined, promised: undefined };
  readonly #unsupported = new Set<string>();
  #announced: readonly Track[] = [];
  /** Units from before the announcement. */
  #held: HeldUnit[] = [];
  #heldBytes = 0;
  #firstTrackAtMs: number | undefined;
  /** Of the message in hand. */
  #arrivedAt = 0;

  constructor(target: StreamTarget) {
    this.#target = target;
  }

  /** True once tracks have been told. */
  get isAnnounced(): boolean {
    return this.#announced.length > 0;
  }

  /** True while tracks are known but others are waited for. */
  get isWaiting(): boolean {
    return this.#firstTrackAtMs !== undefined && !this.isAnnounced;
  }

  /**
   * Throws ProtocolError.
   * @param arrivedAt milliseconds since the Unix epoch.
   */
  take(message: Message, arrivedAt: number): void {
    this.#arrivedAt = arrivedAt;
    switch (message.type) {
      case MessageType.video:
        this.#takeVideo(message);
        break;
      case MessageType.audio:
        this.#takeAudio(message);
        break;
      case MessageType.amf0Data:
        this.#takeData(message.payload);
        break;
      case MessageType.amf3Data:
        this.#takeData(withoutAmf3Byte(message.payload));
        break;
      case MessageType.aggregate:
        // An aggregate within an aggregate has no meaning and would recurse.
        for (const part of splitAggregate(message)) if (part.type !== MessageType.aggregate) this.take(part, arrivedAt);
    }
  }

  /** Goes on with the tracks there are. */
  announce(): void {
    const tracks = this.#complete.toSorted(bestFirst);
    if (tracks.length === 0) return;
    this.#announced = tracks;
    const held = this.#held;
    this.#target.tracks(tracks, held[0]?.arrivedAt ?? this.#arrivedAt);
    this.#held = [];
    this.#heldBytes = 0;
    for (const { unit, arrivedAt } of held) this.#target.unit(unit, arrivedAt);
  }

  #takeVideo({ payload, timestamp }: Message): void {
    const timeMs = this.#clock.next(timestamp);
    for (const packet of readVideoTag(payload)) {
      const source = this.#sizeFor(packet) ?? this.#sourceFor('video', this.#video, packet, VideoSource.create);
      if (!source) continue;
      if (packet.type === 'config') source.configure(packet.data);
      if (packet.type === 'config') this.#tracksMayHaveChanged(timeMs);
      if (packet.type === 'frame') this.#write(source, source.unit(packet, timeMs), timeMs);
    }
  }

  #takeAudio({ payload, timestamp }: Message): void {
    const timeMs = this.#clock.next(timestamp);
    for (const packet of readAudioTag(payload)) {
      const source = this.#sourceFor('audio', this.#audio, packet, AudioSource.create);
      if (!source) continue;
      if (packet.type === 'config') source.configure(packet.data);
      if (packet.type === 'config') this.#tracksMayHaveChanged(timeMs);
      if (packet.type === 'frame') this.#write(source, source.unit(packet, timeMs), timeMs);
    }
  }

  #takeData(payload: Uint8Array): void {
    const values = readAmf0(payload);
    const name = values[0] === '@setDataFrame' ? values[1] : values[0];
    const metadata: AmfValue = values.at(-1);
    if (name !== 'onMetaData' || !isAmfObject(metadata)) return;
    this.#video.promised = metadata.has('videocodecid');
    this.#audio.promised = metadata.has('audiocodecid');
  }

  /** Undefined for the main track, and where there is no room for another. */
  #sizeFor({ trackId, codec }: VideoPacket): VideoSource | undefined {
    const { source: main, trackId: mainId } = this.#video;
    if (!main || mainId === trackId || main.fourCc !== codec) return undefined;
    const known = this.#sizes.get(trackId);
    if (known?.fourCc === codec) return known;
    if (!known && this.#sizes.size >= MAX_FURTHER_SIZES) return undefined;
    const id = NEXT_SIZE_ID + (known ? [...this.#sizes.keys()].indexOf(trackId) : this.#sizes.size);
    const source = VideoSource.create(id, codec);
    if (source) this.#sizes.set(trackId, source);
    return source;
  }

  /** What can be told of now. A main track that has changed its codec leaves the other sizes behind. */
  get #complete(): Track[] {
    const main = this.#video.source;
    const sizes = [...this.#sizes.values()].filter(({ fourCc }) => fourCc === main?.fourCc);
    return [main, ...sizes, this.#audio.source].flatMap((source) => (source?.isComplete && source.track ? [source.track] : []));
  }

  #sourceFor<Source extends { readonly fourCc: string }>(
    kind: Kind,
    slot: TrackSlot<Source>,
    packet: { readonly trackId: number; readonly codec: string; readonly type: string },
    create: (id: number, fourCc: string) => Source | undefined,
  ): Source | undefined {
    if (slot.source?.fourCc === packet.codec && slot.trackId === packet.trackId) return slot.source;
    if (slot.trackId !== undefined && slot.trackId !== packet.trackId) {
      this.#refuse(`additional ${kind} tracks`);
      return undefined;
    }
    const source = create(kind === 'video' ? VIDEO_ID : AUDIO_ID, packet.codec);
    if (!source) {
      slot.promised = false;
      this.#refuse(packet.codec);
      return undefined;
    }
    slot.source = source;
    slot.trackId = packet.trackId;
    return source;
  }

  #refuse(what: string): void {
    this.#target.dropped(1);
    // The names come from outside: a publisher that makes them up is told of a few.
    if (this.#unsupported.size >= 8 || this.#unsupported.has(what)) return;
    this.#unsupported.add(what);
    this.#target.unsupported(what);
  }

  #write(source: VideoSource | AudioSource, unit: Unit | undefined, timeMs: number): void {
    if (!unit) this.#target.dropped(1);
    if (source.track && this.#announced.includes(source.track)) {
      if (unit) this.#target.unit(unit, this.#arrivedAt);
      return;
    }
    // Not told of yet, and this frame may be the one that completes the track.
    if (unit) this.#hold(unit);
    this.#tracksMayHaveChanged(timeMs);
  }

  #hold(unit: Unit): void {
    if (this.#isFull) {
      this.#target.dropped(1);
      return;
    }
    this.#held.push({ unit, arrivedAt: this.#arrivedAt });
    this.#heldBytes += unit.data.length;
  }

  get #isFull(): boolean {
    return this.#held.length >= MAX_HELD_UNITS || this.#heldBytes >= MAX_HELD_BYTES;
  }

  #tracksMayHaveChanged(timeMs: number): void {
    const slots = [this.#video, this.#audio];
    const complete = this.#complete;
    if (complete.length === 0) return;
    if (this.isAnnounced) {
      const isNews = complete.some((track) => !this.#announced.includes(track));
      if (isNews) this.announce();
      return;
    }
    this.#firstTrackAtMs ??= timeMs;
    const isComplete = slots.every(({ source, promised }) => source?.isComplete || promised === false);
    const isLate = Math.abs(timeMs - this.#firstTrackAtMs) >= ANNOUNCE_AFTER_MS;
    if (isComplete || isLate || this.#isFull) this.announce();
  }
}
