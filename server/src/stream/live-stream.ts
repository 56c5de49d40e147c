/**
 * One running broadcast: the publisher in front, the sinks behind, the timeline between. Knows no protocol.
 * The hub makes it, tells it who publishes and hears what became of it.
 */
import type { EndReason } from '@millrace/contract/entities/broadcast';
import { sameFormat, type Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock, Timer } from '../lib/clock.ts';
import { type Broadcast, ended, reconnecting, resumed, started } from './broadcast.ts';
import { GopCache } from './gop-cache.ts';
import { Meter } from './meter.ts';
import { Reader } from './reader.ts';
import type { Sink } from './sink.ts';
import { Timeline, type TimelineCounters } from './timeline.ts';

/** Longer than this without a unit, and what follows is behind a discontinuity: no frame lasts so long. */
const GAP_SECONDS = 3;

/** Why a publisher is told to go. */
export type EvictionReason = 'taken_over' | 'stopped' | 'stream_deleted' | 'server_stopped';

export interface PublisherInfo {
  /** `rtmp`, `whip` … for logs and the owner. */
  readonly protocol: string;
  readonly remoteAddress: string;
  /** Called once when the stream no longer wants this publisher; the publication takes nothing more. */
  onEvicted(reason: EvictionReason): void;
}

/** What an ingest session holds while it publishes. */
export interface Publication {
  /** The formats, before the first unit and whenever they change. */
  tracks(tracks: readonly Track[]): void;
  /** A unit on the publisher's own clock. */
  unit(unit: Unit): void;
  /** Units the session had to refuse, for the owner to see. */
  countDropped(units: number): void;
  /** The publisher said goodbye (`left`) or vanished (`lost`); both leave the broadcast open for its return. */
  close(how: 'left' | 'lost'): void;
}

export interface LiveStreamDeps {
  readonly clock: Clock;
  readonly reconnectGraceMs: number;
  newEpoch(): string;
  /** The outputs of a run of the playlists. */
  makeSinks(stream: LiveStream): readonly Sink[];
  onChange(stream: LiveStream): void;
}

interface Publisher {
  readonly info: PublisherInfo;
  tracks: readonly Track[];
  /** Video tracks still waiting for their first key frame. */
  readonly awaitingKey: Set<number>;
}

export class LiveStream {
  readonly meter = new Meter();
  readonly #deps: LiveStreamDeps;
  readonly #timeline = new Timeline();
  readonly #gop = new GopCache();
  readonly #readers = new Set<Reader>();
  #broadcast: Broadcast;
  #sinks: readonly Sink[] = [];
  #publisher: Publisher | undefined;
  #tracks: readonly Track[] = [];
  #trackById = new Map<number, Track>();
  #graceTimer: Timer | undefined;
  #lastUnitAt: number | undefined;
  #droppedUnits = 0;
  #discontinuities = 0;

  constructor(broadcast: Broadcast, deps: LiveStreamDeps) {
    this.#broadcast = broadcast;
    this.#deps = deps;
    this.#sinks = deps.makeSinks(this);
    if (broadcast.state === 'reconnecting') this.#awaitPublisher(broadcast.reconnectUntil);
  }

  get broadcast(): Broadcast {
    return this.#broadcast;
  }

  get publisher(): PublisherInfo | undefined {
    return this.#publisher?.info;
  }

  get currentTracks(): readonly Track[] {
    return this.#tracks;
  }

  get counters(): Readonly<TimelineCounters> & { readonly droppedUnits: number; readonly discontinuities: number } {
    let droppedUnits = this.#droppedUnits;
    for (const reader of this.#readers) droppedUnits += reader.droppedUnits;
    return { ...this.#timeline.counters, droppedUnits, discontinuities: this.#discontinuities };
  }

  /** Takes the publisher's seat, evicting whoever sits there. The hub has decided that this is right. */
  publish(info: PublisherInfo): Publication {
    this.#evict('taken_over');
    this.#graceTimer?.cancel();
    this.#timeline.beginPublication();
    const publisher: Publisher = { info, tracks: [], awaitingKey: new Set() };
    this.#publisher = publisher;
    return {
      tracks: (tracks) => {
        if (this.#publisher === publisher) this.#setTracks(publisher, tracks);
      },
      unit: (unit) => {
        if (this.#publisher === publisher) this.#write(publisher, unit);
      },
      countDropped: (units) => {
        this.#droppedUnits += units;
      },
      close: () => {
        if (this.#publisher !== publisher) return;
        this.#publisher = undefined;
        this.#publisherGone();
      },
    };
  }

  /** A queue that begins with the current group of pictures. Closed by its owner through `release`. */
  read(limits?: ConstructorParameters<typeof Reader>[0]): Reader {
    const reader = new Reader(limits);
    if (this.#tracks.length > 0) {
      reader.tracks(this.#tracks);
      for (const unit of this.#gop.units) reader.unit(unit);
    }
    this.#readers.add(reader);
    return reader;
  }

  release(reader: Reader): void {
    if (!this.#readers.delete(reader)) return;
    this.#droppedUnits += reader.droppedUnits;
    reader.end();
  }

  /** The owner lets viewers in: the playlists begin anew, with the current group of pictures. */
  start(): void {
    if (this.#broadcast.state !== 'preview') return;
    for (const sink of this.#sinks) sink.end();
    this.#change(started(this.#broadcast, this.#deps.newEpoch(), this.#deps.clock.now()));
    this.#sinks = this.#deps.makeSinks(this);
    if (this.#tracks.length === 0) return;
    for (const sink of this.#sinks) {
      sink.tracks(this.#tracks);
      for (const unit of this.#gop.units) sink.unit(unit);
    }
  }

  end(reason: EndReason): void {
    if (this.#broadcast.state === 'ended') return;
    this.#evict(reason === 'publisher_left' || reason === 'reconnect_timeout' ? 'stopped' : reason);
    this.#graceTimer?.cancel();
    for (const sink of [...this.#sinks, ...this.#readers]) sink.end();
    this.#readers.clear();
    this.#change(ended(this.#broadcast, reason, this.#deps.clock.now()));
  }

  #setTracks(publisher: Publisher, tracks: readonly Track[]): void {
    const unchanged = publisher.tracks.length === tracks.length && tracks.every((track, i) => publisher.tracks[i] !== undefined && sameFormat(track, publisher.tracks[i]));
    if (unchanged) return;
    publisher.tracks = tracks;
    publisher.awaitingKey.clear();
    for (const track of tracks) if (track.kind === 'video') publisher.awaitingKey.add(track.id);
    this.#setCurrentTracks(tracks);
    if (this.#broadcast.state === 'reconnecting') this.#change(resumed(this.#broadcast));
  }

  #setCurrentTracks(tracks: readonly Track[]): void {
    if (this.#tracks.length > 0) this.#discontinuities++;
    this.#tracks = tracks;
    this.#trackById = new Map(tracks.map((track) => [track.id, track]));
    this.#gop.reset(tracks);
    this.meter.tracks(tracks);
    for (const sink of this.#sinks) sink.tracks(tracks);
    for (const reader of this.#readers) reader.tracks(tracks);
  }

  #write(publisher: Publisher, unit: Unit): void {
    const track = this.#trackById.get(unit.track);
    if (!track) return;
    // Nothing can be shown before the first key frame, and sound that runs ahead of it would only open a gap.
    if (publisher.awaitingKey.size > 0) {
      if (!unit.key || track.kind === 'audio') return;
      publisher.awaitingKey.delete(unit.track);
    }
    const now = this.#deps.clock.now();
    const mapped = this.#timeline.map(unit, track, Math.max(0, now - this.#broadcast.createdAt) * 1000);
    if (!mapped) {
      this.#droppedUnits++;
      return;
    }
    const gap = this.#lastUnitAt === undefined ? 0 : mapped.dts / track.timescale - this.#lastUnitAt;
    if (gap > GAP_SECONDS) {
      // The formats are the same, the pictures between are missing.
      if (publisher.tracks === this.#tracks && this.#gop.units.length > 0) this.#setCurrentTracks(publisher.tracks);
    }
    this.#lastUnitAt = Math.max(this.#lastUnitAt ?? 0, mapped.dts / track.timescale);
    this.#gop.push(mapped);
    this.meter.unit(mapped);
    for (const sink of this.#sinks) sink.unit(mapped);
    for (const reader of this.#readers) reader.unit(mapped);
  }

  #publisherGone(): void {
    if (this.#broadcast.state === 'ended') return;
    for (const sink of [...this.#sinks, ...this.#readers]) sink.pause();
    const until = this.#deps.clock.now() + this.#deps.reconnectGraceMs;
    this.#awaitPublisher(until);
    this.#change(reconnecting(this.#broadcast, until));
  }

  #awaitPublisher(until: number): void {
    this.#graceTimer = this.#deps.clock.after(Math.max(0, until - this.#deps.clock.now()), () => this.end('reconnect_timeout'));
  }

  #evict(reason: EvictionReason): void {
    const publisher = this.#publisher;
    this.#publisher = undefined;
    publisher?.info.onEvicted(reason);
  }

  #change(broadcast: Broadcast): void {
    this.#broadcast = broadcast;
    this.#deps.onChange(this);
  }
}
