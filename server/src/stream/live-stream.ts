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

/** The same where there was sound to the last, which does not come once in a while as pictures may. Players would show the gap's last picture for as long as it lasted, again. */
const GAP_IN_SOUND_SECONDS = 1;

/** A goodbye may be an encoder that begins again with other settings; longer than that takes, and it meant it. */
const GOODBYE_GRACE_MS = 15_000;

/** A declared picture that has not come by then is not waited for: sound goes on alone. */
const KEY_FRAME_WAIT_MS = 3_000;

/** A key frame is several times the size of others: asking more often would cost the pictures between them. */
const KEY_FRAME_REQUEST_MS = 1_000;

/** More names than this tell an owner nothing, and a publisher chooses them. */
const MAX_REFUSED_TRACKS = 8;

/** Why a publisher is told to go. */
export type EvictionReason = 'taken_over' | 'stopped' | 'stream_deleted' | 'server_stopped';

export interface PublisherInfo {
  /** `rtmp`, `whip` … for logs and the owner. */
  readonly protocol: string;
  readonly remoteAddress: string;
  /** Called once when the stream no longer wants this publisher; the publication takes nothing more. */
  onEvicted(reason: EvictionReason): void;
  /** Where the protocol can ask for one. */
  requestKeyFrame?(): void;
}

/** What an ingest session holds while it publishes. */
export interface Publication {
  /** Somebody takes what comes as soon as it does: viewers in real time, bridges, forwarding. */
  readonly isRead: boolean;
  /**
   * The formats, before the first unit and whenever they change. Several video tracks are the same picture at several sizes, best first,
   * in one codec; one that falls silent keeps its place.
   */
  tracks(tracks: readonly Track[]): void;
  /**
   * A unit on the publisher's own clock.
   * @param arrivedAt milliseconds since the Unix epoch, for units that were held back; now when left out.
   */
  unit(unit: Unit, arrivedAt?: number): void;
  /** Units the session had to refuse, for the owner to see. */
  countDropped(units: number): void;
  /** A track the session cannot carry, by the name of its codec, for the owner to see. */
  refuseTrack(codec: string): void;
  /** The publisher said goodbye (`left`) or vanished (`lost`); both leave the broadcast open for its return, the first for a moment only. */
  close(how: 'left' | 'lost'): void;
}

export interface LiveStreamDeps {
  readonly clock: Clock;
  readonly reconnectGraceMs: number;
  newEpoch(): string;
  /** The outputs of a run of the playlists. */
  makeSinks(stream: LiveStream): readonly Sink[];
  onChange(stream: LiveStream): void;
  /** A sink threw; it goes on being called. Told at the 1st, 2nd, 4th, 8th … failure of a broadcast. */
  onSinkFailure?(stream: LiveStream, error: unknown, failures: number): void;
}

interface Publisher {
  readonly info: PublisherInfo;
  tracks: readonly Track[];
  /** Video tracks whose next unit must be a key frame, and since when. */
  readonly awaitingKey: Set<number>;
  awaitingSince: number;
  readonly refusedTracks: Set<string>;
}

/** What went wrong on the way through, since the broadcast began. */
export interface StreamCounters extends Readonly<TimelineCounters> {
  readonly droppedUnits: number;
  readonly discontinuities: number;
  /** Codecs that the present publisher sends in vain. */
  readonly refusedTracks: readonly string[];
  readonly sinkFailures: number;
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
  #lastSoundAt = Number.NEGATIVE_INFINITY;
  #droppedUnits = 0;
  #discontinuities = 0;
  #sinkFailures = 0;
  #keyFrameAskedAt: number | undefined;
  /** True from `tracks` to the first unit after it. */
  #isFresh = false;

  constructor(broadcast: Broadcast, deps: LiveStreamDeps) {
    this.#broadcast = broadcast;
    this.#deps = deps;
    this.#sinks = deps.makeSinks(this);
    if (broadcast.state === 'reconnecting') this.#awaitPublisher(broadcast.reconnectUntil, 'reconnect_timeout');
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

  get counters(): StreamCounters {
    let droppedUnits = this.#droppedUnits;
    for (const reader of this.#readers) droppedUnits += reader.droppedUnits;
    const refusedTracks = this.#publisher ? [...this.#publisher.refusedTracks] : [];
    return { ...this.#timeline.counters, droppedUnits, discontinuities: this.#discontinuities, refusedTracks, sinkFailures: this.#sinkFailures };
  }

  /** Takes the publisher's seat, evicting whoever sits there. The hub has decided that this is right. */
  publish(info: PublisherInfo): Publication {
    this.#evict('taken_over');
    this.#graceTimer?.cancel();
    this.#timeline.beginPublication();
    const publisher: Publisher = { info, tracks: [], awaitingKey: new Set(), awaitingSince: 0, refusedTracks: new Set() };
    this.#publisher = publisher;
    const readers = this.#readers;
    return {
      get isRead() {
        return readers.size > 0;
      },
      tracks: (tracks) => {
        if (this.#publisher === publisher) this.#setTracks(publisher, tracks);
      },
      unit: (unit, arrivedAt) => {
        if (this.#publisher === publisher) this.#write(publisher, unit, arrivedAt ?? this.#deps.clock.now());
      },
      countDropped: (units) => {
        this.#droppedUnits += units;
      },
      refuseTrack: (codec) => {
        if (publisher.refusedTracks.size < MAX_REFUSED_TRACKS) publisher.refusedTracks.add(codec);
      },
      close: (how) => {
        if (this.#publisher !== publisher) return;
        this.#publisher = undefined;
        this.#publisherGone(how);
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
    if (this.#broadcast.state === 'ended') reader.end();
    else this.#readers.add(reader);
    return reader;
  }

  release(reader: Reader): void {
    if (!this.#readers.delete(reader)) return;
    this.#droppedUnits += reader.droppedUnits;
    reader.end();
  }

  /** The units since the last key frame, empty when they are too many. */
  get recentUnits(): readonly Unit[] {
    return this.#gop.units;
  }

  /** Asks the publisher for a key frame, at most once a second for all who want one. False: it cannot be asked. */
  requestKeyFrame(): boolean {
    const ask = this.#publisher?.info.requestKeyFrame;
    if (!ask) return false;
    const now = this.#deps.clock.monotonic();
    if (this.#keyFrameAskedAt !== undefined && now - this.#keyFrameAskedAt < KEY_FRAME_REQUEST_MS) return true;
    this.#keyFrameAskedAt = now;
    ask();
    return true;
  }

  /** The owner lets viewers in: the playlists begin anew, with the current group of pictures. */
  start(): void {
    if (this.#broadcast.state !== 'preview') return;
    this.#toSinks((sink) => sink.end());
    this.#change(started(this.#broadcast, this.#deps.newEpoch(), this.#deps.clock.now()));
    this.#sinks = this.#deps.makeSinks(this);
    if (this.#tracks.length === 0) return;
    const tracks = this.#tracks;
    const units = this.#gop.units;
    this.#toSinks((sink) => {
      sink.tracks(tracks);
      for (const unit of units) sink.unit(unit);
    });
  }

  end(reason: EndReason): void {
    if (this.#broadcast.state === 'ended') return;
    this.#evict(reason === 'publisher_left' || reason === 'reconnect_timeout' ? 'stopped' : reason);
    this.#graceTimer?.cancel();
    this.#toSinks((sink) => sink.end());
    for (const reader of this.#readers) {
      this.#droppedUnits += reader.droppedUnits;
      reader.end();
    }
    this.#readers.clear();
    this.#change(ended(this.#broadcast, reason, this.#deps.clock.now()));
  }

  #setTracks(publisher: Publisher, tracks: readonly Track[]): void {
    const unchanged = publisher.tracks.length === tracks.length && tracks.every((track, i) => publisher.tracks[i] !== undefined && sameFormat(track, publisher.tracks[i]));
    if (unchanged) return;
    publisher.tracks = tracks;
    this.#setCurrentTracks(publisher);
    if (this.#broadcast.state === 'reconnecting') this.#change(resumed(this.#broadcast));
  }

  /** What follows does not continue what was: a discontinuity, which pictures can only begin with a key frame. */
  #setCurrentTracks(publisher: Publisher): void {
    const { tracks } = publisher;
    publisher.awaitingKey.clear();
    publisher.awaitingSince = this.#deps.clock.monotonic();
    for (const track of tracks) if (track.kind === 'video') publisher.awaitingKey.add(track.id);
    if (this.#tracks.length > 0) this.#discontinuities++;
    this.#tracks = tracks;
    this.#trackById = new Map(tracks.map((track) => [track.id, track]));
    this.#isFresh = true;
    this.#gop.reset(tracks);
    this.meter.tracks(tracks);
    // Before the sinks: a reader that one of them opens begins with these already, and must not be told twice.
    for (const reader of this.#readers) reader.tracks(tracks);
    this.#toSinks((sink) => sink.tracks(tracks));
  }

  #write(publisher: Publisher, unit: Unit, arrivedAt: number): void {
    const track = this.#trackById.get(unit.track);
    if (!track || this.#mustWait(publisher, unit, track)) return;
    const mapped = this.#timeline.map(unit, track, Math.max(0, arrivedAt - this.#broadcast.createdAt) * 1000);
    if (!mapped) {
      this.#droppedUnits++;
      return;
    }
    const at = mapped.dts / track.timescale;
    const gap = this.#lastUnitAt === undefined || this.#isFresh ? 0 : at - this.#lastUnitAt;
    const hadSound = (this.#lastUnitAt ?? 0) - this.#lastSoundAt < GAP_IN_SOUND_SECONDS;
    this.#lastUnitAt = Math.max(this.#lastUnitAt ?? 0, at);
    if (track.kind === 'audio') this.#lastSoundAt = at;
    if (gap > (hadSound ? GAP_IN_SOUND_SECONDS : GAP_SECONDS)) {
      // The formats are the same, the pictures between are missing.
      this.#setCurrentTracks(publisher);
      if (this.#mustWait(publisher, unit, track)) return;
    }
    this.#isFresh = false;
    this.#gop.push(mapped);
    this.meter.unit(mapped);
    for (const reader of this.#readers) reader.unit(mapped);
    for (const sink of this.#sinks) {
      try {
        sink.unit(mapped);
      } catch (error) {
        this.#sinkFailed(error);
      }
    }
  }

  /** Nothing can be shown before the first key frame, and sound that runs ahead of it, whatever its size, would only open a gap. */
  #mustWait(publisher: Publisher, unit: Unit, track: Track): boolean {
    const { awaitingKey } = publisher;
    if (awaitingKey.size === 0) return false;
    if (track.kind === 'audio') {
      const hasBegun = this.#tracks.some(({ id, kind }) => kind === 'video' && !awaitingKey.has(id));
      return !hasBegun && this.#deps.clock.monotonic() - publisher.awaitingSince < KEY_FRAME_WAIT_MS;
    }
    if (!awaitingKey.has(track.id)) return false;
    if (unit.key) {
      awaitingKey.delete(track.id);
      return false;
    }
    this.#droppedUnits++;
    return true;
  }

  #toSinks(call: (sink: Sink) => void): void {
    for (const sink of this.#sinks) {
      try {
        call(sink);
      } catch (error) {
        this.#sinkFailed(error);
      }
    }
  }

  /** An output that fails costs its own viewers, never the publisher or the other outputs. */
  #sinkFailed(error: unknown): void {
    const failures = ++this.#sinkFailures;
    if ((failures & (failures - 1)) === 0) this.#deps.onSinkFailure?.(this, error, failures);
  }

  #publisherGone(how: 'left' | 'lost'): void {
    if (this.#broadcast.state === 'ended') return;
    this.#toSinks((sink) => sink.pause());
    for (const reader of this.#readers) reader.pause();
    const { clock, reconnectGraceMs } = this.#deps;
    const until = clock.now() + (how === 'left' ? Math.min(GOODBYE_GRACE_MS, reconnectGraceMs) : reconnectGraceMs);
    this.#awaitPublisher(until, how === 'left' ? 'publisher_left' : 'reconnect_timeout');
    this.#change(reconnecting(this.#broadcast, until));
  }

  #awaitPublisher(until: number, reason: EndReason): void {
    this.#graceTimer?.cancel();
    this.#graceTimer = this.#deps.clock.after(Math.max(0, until - this.#deps.clock.now()), () => this.end(reason));
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
