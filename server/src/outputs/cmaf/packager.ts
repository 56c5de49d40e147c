/**
 * The CMAF side of a broadcast: a sink that cuts every track into parts and segments at common boundaries and keeps them
 * in memory. The first video track leads; the others (or all but the first, without video) end their segments where it does.
 */

import { canPackage } from '@millrace/media/isobmff/sample-entry';
import type { PlaylistHeader } from '@millrace/media/m3u8/media-playlist';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock } from '../../lib/clock.ts';
import type { Sink } from '../../stream/sink.ts';
import { choosePartTarget } from './part-target.ts';
import { Rendition } from './rendition.ts';
import { type PackagerCounters, TrackWriter } from './track-writer.ts';
import { usualFrameSeconds } from './usual-frame.ts';

export interface PackagerConfig {
  /** Wanted duration of parts; the real one is a multiple of the frame duration near it. */
  readonly partMs: number;
  /** Segments end at the first key frame after this. */
  readonly segmentMs: number;
  /** What playlists list. */
  readonly windowMs: number;
  /** Of media kept for each rendition. */
  readonly maxBytes: number;
}

export const DEFAULT_PACKAGER_CONFIG: PackagerConfig = { partMs: 200, segmentMs: 2000, windowMs: 30_000, maxBytes: 192 * 1024 * 1024 };

export interface PackagerDeps {
  readonly broadcast: { readonly epoch: string; readonly createdAt: number };
  readonly clock: Clock;
  readonly config: PackagerConfig;
}

/** Encoders left to their defaults send a key frame every 8 to 10 s. Players fail on segments that begin without one, so the longest group fits. */
const TARGET_SECONDS = 10;

/** Many players start only with a complete segment, so the first one is kept short where the key frames allow it. */
const FIRST_SEGMENT_SECONDS = 1;

/** EXTINF is compared with TARGETDURATION rounded, so a key frame that is a little late may still be waited for. */
const LATE_KEY_SECONDS = 0.25;

/** A key frame this little before the wanted segment end is at it: timestamps are rounded. */
const EARLY_KEY_SECONDS = 0.03;

/** The first frames tell the frame rate: this many, or what came in this time. */
const WARM_UP_FRAMES = 10;
const WARM_UP_SECONDS = 0.4;
const MAX_WARM_UP_UNITS = 1000;

/** How far other tracks may run behind or ahead of the leading one before they are no longer waited for. */
const MAX_SKEW_SECONDS = 1;

/** A leading track silent for so long has stopped; a source as slow as one frame in two seconds has not. */
const MAX_STALL_SECONDS = 2.5;

/** After so many parts a rendition without any is no longer waited for. */
const PARTS_WITHOUT_SILENT = 10;

/** Three segments of TARGETDURATION: the least a live playlist holds. */
const LEADING_GAPS = 3;

/** Where a rendition that joins late begins: with all others. */
interface Position {
  readonly msn: number;
  readonly discontinuitySequence: number;
}

interface Boundary {
  readonly at: number;
  /** Duration of the segment that ends there. */
  readonly seconds: number;
}

interface Follower {
  readonly writer: TrackWriter;
  queue: Unit[];
  boundaries: Boundary[];
}

export class Packager implements Sink {
  readonly epoch: string;
  readonly createdAt: number;
  readonly counters: PackagerCounters = { parts: 0, partBytes: 0, partLatencyMs: 0, maxPartLatencyMs: 0, overlongFrames: 0, forcedCuts: 0, ignoredUnits: 0 };
  readonly #deps: PackagerDeps;
  readonly #renditions = new Map<string, Rendition>();
  readonly #writers = new Map<string, TrackWriter>();
  readonly #readyWaiters = new Set<() => void>();
  #onEnded: (() => void) | undefined;
  #tracks: readonly Track[] = [];
  #header: PlaylistHeader | undefined;
  #warmUp: Unit[] = [];
  #lead: TrackWriter | undefined;
  #followers = new Map<number, Follower>();
  /** Time of the leading track's last unit, seconds. */
  #leadTime = 0;
  /** Where the open segment of the leading track begins, seconds. */
  #segmentAt: number | undefined;
  #frameSeconds: number | undefined;
  #ready = false;
  #isFirstSegment = true;
  /** Whether decoding can begin at the open segment of the leading track. */
  #segmentHasKey = true;
  #ended = false;

  constructor(deps: PackagerDeps) {
    this.#deps = deps;
    this.epoch = deps.broadcast.epoch;
    this.createdAt = deps.broadcast.createdAt;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** True once a player can start: its distance from the live edge is filled with parts, in every rendition that has any. */
  get ready(): boolean {
    if (this.#ready || this.#ended) return this.#lead !== undefined;
    const leading = this.#lead?.rendition;
    this.#ready = leading !== undefined && isFilled(leading) && this.renditions.every((rendition) => this.counters.parts >= PARTS_WITHOUT_SILENT || hasPart(rendition));
    return this.#ready;
  }

  get renditions(): readonly Rendition[] {
    return [...this.#renditions.values()];
  }

  /** The rendition whose segments the others follow. */
  get leading(): Rendition | undefined {
    return this.#lead?.rendition;
  }

  rendition(name: string): Rendition | undefined {
    return this.#renditions.get(name);
  }

  /** Mean duration of the leading track's first frames, seconds. */
  get frameSeconds(): number | undefined {
    return this.#frameSeconds;
  }

  /** Calls once when there is something to play, or nothing will come. Returns how to stop waiting. */
  whenReady(call: () => void): () => void {
    this.#readyWaiters.add(call);
    return () => this.#readyWaiters.delete(call);
  }

  /** One listener, called when the broadcast's run is over. */
  whenEnded(call: () => void): void {
    this.#onEnded = call;
  }

  tracks(tracks: readonly Track[]): void {
    if (this.#tracks.length > 0) this.#finish();
    this.#tracks = tracks.filter(canPackage);
    if (this.#header) this.#assign();
  }

  unit(unit: Unit): void {
    if (!this.#header) {
      this.#warmUp.push(unit);
      if (this.#isWarm()) this.#beginPlaylists();
      return;
    }
    this.#route(unit);
  }

  pause(): void {
    this.#finish();
  }

  end(): void {
    if (this.#ended) return;
    this.#finish();
    this.#ended = true;
    for (const rendition of this.#renditions.values()) rendition.end();
    this.#announceReady();
    this.#onEnded?.();
  }

  #isWarm(): boolean {
    const lead = leadingTrack(this.#tracks);
    if (!lead) return false;
    let frames = 0;
    let first: number | undefined;
    let last = 0;
    for (const unit of this.#warmUp) {
      if (unit.track !== lead.id) continue;
      frames++;
      first ??= unit.dts;
      last = unit.dts;
    }
    return (frames >= 2 && (frames >= WARM_UP_FRAMES || (last - (first ?? last)) / lead.timescale >= WARM_UP_SECONDS)) || this.#warmUp.length >= MAX_WARM_UP_UNITS;
  }

  /** Fixes what may never change, then packages what was waiting for it. */
  #beginPlaylists(): void {
    const lead = leadingTrack(this.#tracks);
    const waiting = this.#warmUp;
    this.#warmUp = [];
    if (!lead) return;
    const times = waiting.filter((unit) => unit.track === lead.id).map((unit) => unit.dts / lead.timescale);
    if (times.length > 1) this.#frameSeconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / (times.length - 1);
    const partTargetSeconds = choosePartTarget({
      times,
      others: this.#tracks.filter((track) => track.kind === 'audio' && track !== lead).map(usualFrameSeconds),
      coarse: lead.timescale <= 1000,
      wantedSeconds: this.#deps.config.partMs / 1000,
    });
    this.#header = {
      targetSeconds: TARGET_SECONDS,
      partTargetSeconds,
      holdBackSeconds: 3 * TARGET_SECONDS,
      partHoldBackSeconds: Math.ceil(3000 * partTargetSeconds - 1e-6) / 1000,
      skipUntilSeconds: 6 * TARGET_SECONDS,
    };
    this.#assign();
    for (const unit of waiting) this.#route(unit);
  }

  /** Gives every track its rendition: `video`, `audio`, then `video2`, `audio2` …, the same names after a return. */
  #assign(): void {
    const lead = leadingTrack(this.#tracks);
    const before = this.#lead;
    const counts = { video: 0, audio: 0 };
    const assigned = new Set<string>();
    this.#followers = new Map();
    const open = before?.rendition.open;
    const position = open ? { msn: open.msn, discontinuitySequence: open.discontinuitySequence + (open.discontinuity ? 0 : 1) } : undefined;
    for (const track of this.#tracks) {
      const count = ++counts[track.kind];
      const name = count === 1 ? track.kind : `${track.kind}${count}`;
      assigned.add(name);
      const writer = this.#writerFor(name, track, position);
      if (track === lead) this.#lead = writer;
      else this.#followers.set(track.id, { writer, queue: [], boundaries: [] });
    }
    let vanished = -1;
    for (const [name, writer] of this.#writers) {
      if (assigned.has(name)) continue;
      if (writer.active) writer.restart(undefined, writer.usualSeconds);
      else writer.rendition.markDiscontinuity();
      // Ids of tracks are not negative: these never meet a unit.
      this.#followers.set(vanished--, { writer, queue: [], boundaries: [] });
    }
  }

  #writerFor(name: string, track: Track, position: Position | undefined): TrackWriter {
    const existing = this.#writers.get(name);
    if (existing) {
      existing.restart(track, usualFrameSeconds(track));
      return existing;
    }
    const rendition = this.#newRendition(name, position);
    const writer = new TrackWriter(track, usualFrameSeconds(track), { clock: this.#deps.clock, rendition, counters: this.counters, createdAt: this.createdAt });
    this.#renditions.set(name, rendition);
    this.#writers.set(name, writer);
    return writer;
  }

  #newRendition(name: string, position: Position | undefined): Rendition {
    const { config } = this.#deps;
    const header = this.#header;
    if (!header) throw new Error('renditions begin once the playlist header is fixed');
    return new Rendition({
      name,
      epoch: this.epoch,
      header,
      limits: { windowSeconds: config.windowMs / 1000, maxBytes: config.maxBytes },
      msn: position?.msn ?? 0,
      discontinuitySequence: position?.discontinuitySequence ?? 0,
      leadingGaps: position ? 0 : LEADING_GAPS,
      startsAt: this.createdAt,
    });
  }

  #route(unit: Unit): void {
    const lead = this.#lead;
    if (lead?.active && unit.track === lead.track.id) {
      const at = unit.dts / lead.track.timescale;
      this.#splitBeforeLongFrame(lead, at);
      lead.settle(unit);
      this.#cutBefore(lead, at, unit.key);
      lead.hold(unit);
      for (const follower of this.#followers.values()) this.#drain(follower, at);
    } else {
      const follower = this.#followers.get(unit.track);
      if (!follower || !lead) {
        this.counters.ignoredUnits++;
        return;
      }
      follower.queue.push(unit);
      this.#overtake(lead, unit.dts / follower.writer.track.timescale);
      this.#drain(follower, this.#leadTime);
    }
    if (this.#readyWaiters.size > 0 && this.ready) this.#announceReady();
  }

  /** Ends the segment in front of this time when it is long enough and decoding can begin here, or when it must not grow. */
  #cutBefore(lead: TrackWriter, at: number, key: boolean): void {
    this.#leadTime = Math.max(at, this.#leadTime);
    this.#segmentAt ??= at;
    const seconds = at - this.#segmentAt;
    const wanted = this.#isFirstSegment ? FIRST_SEGMENT_SECONDS : this.#deps.config.segmentMs / 1000;
    // Behind a forced cut nobody can begin until a segment begins with a key frame again.
    const leastSeconds = this.#segmentHasKey ? wanted - EARLY_KEY_SECONDS : 0;
    const isLongEnough = key && seconds > 0 && seconds >= leastSeconds;
    const mustEnd = seconds + lead.usualSeconds > TARGET_SECONDS + LATE_KEY_SECONDS;
    if (!isLongEnough && !mustEnd) return;
    this.#isFirstSegment = false;
    if (!key) this.counters.forcedCuts++;
    this.#cut(lead, at);
    this.#segmentHasKey = key;
  }

  #cut(lead: TrackWriter, at: number): void {
    const start = this.#segmentAt ?? at;
    const seconds = at - start;
    this.#segmentAt = at;
    lead.endSegment(seconds, this.createdAt + start * 1000);
    for (const follower of this.#followers.values()) follower.boundaries.push({ at, seconds });
  }

  /** The frame before this one turns out to last so long that it must have a segment to itself. */
  #splitBeforeLongFrame(lead: TrackWriter, at: number): void {
    const held = lead.heldAt;
    if (held === undefined || this.#segmentAt === undefined) return;
    if (at - this.#segmentAt <= TARGET_SECONDS + LATE_KEY_SECONDS || held <= this.#segmentAt) return;
    this.counters.forcedCuts++;
    this.#cut(lead, held);
    this.#segmentHasKey = false;
    lead.rehold();
  }

  /** A leading track that stopped while others go on is no longer waited for: it gets gaps. */
  #overtake(lead: TrackWriter, at: number): void {
    if (at - this.#leadTime <= MAX_STALL_SECONDS) return;
    lead.flush();
    this.#cutBefore(lead, at - MAX_SKEW_SECONDS, false);
  }

  /** Moves a follower up to the leading edge: never past it, lest a boundary be missed, unless the lead has stalled. */
  #drain(follower: Follower, edge: number): void {
    const { writer } = follower;
    const { timescale } = writer.track;
    let taken = 0;
    for (const unit of follower.queue) {
      const at = unit.dts / timescale;
      const newest = follower.queue.at(-1)?.dts ?? unit.dts;
      if (at > edge && ((newest - unit.dts) / timescale <= MAX_SKEW_SECONDS || at - (writer.segmentStart ?? at) > TARGET_SECONDS - MAX_SKEW_SECONDS)) break;
      taken++;
      writer.settle(unit);
      // The boundary goes to the nearest frame.
      this.#cross(follower, (boundary) => at + writer.usualSeconds / 2 >= boundary.at);
      writer.hold(unit);
    }
    if (taken > 0) follower.queue.splice(0, taken);
    if (follower.boundaries.length > 0) {
      this.#cross(follower, (boundary) => {
        const isLate = !writer.active || edge > boundary.at + MAX_SKEW_SECONDS;
        if (isLate) writer.flush();
        return isLate;
      });
    }
  }

  #cross(follower: Follower, isReached: (boundary: Boundary) => boolean): void {
    for (;;) {
      const boundary = follower.boundaries[0];
      if (!boundary || !isReached(boundary)) return;
      follower.boundaries.shift();
      follower.writer.endSegment(boundary.seconds, this.createdAt + (boundary.at - boundary.seconds) * 1000);
    }
  }

  /** Shows everything that is buffered and ends the open segment, in all renditions at the same number. */
  #finish(): void {
    if (!this.#header && this.#warmUp.length > 0) this.#beginPlaylists();
    const lead = this.#lead;
    if (!lead) return;
    for (const follower of this.#followers.values()) this.#drain(follower, Number.POSITIVE_INFINITY);
    const writers = [lead, ...[...this.#followers.values()].map((follower) => follower.writer)];
    if (!writers.some((writer) => writer.hasMedia)) return;
    const start = this.#segmentAt ?? this.#leadTime;
    this.#segmentAt = undefined;
    this.#segmentHasKey = true;
    for (const writer of writers) writer.flush();
    const seconds = Math.max(lead.usualSeconds, this.#leadTime + lead.usualSeconds - start);
    for (const writer of writers) writer.endSegment(seconds, this.createdAt + start * 1000);
    if (this.#readyWaiters.size > 0 && this.ready) this.#announceReady();
  }

  #announceReady(): void {
    const waiters = [...this.#readyWaiters];
    this.#readyWaiters.clear();
    for (const call of waiters) call();
  }
}

/** The first video track; without video the first track. */
function leadingTrack(tracks: readonly Track[]): Track | undefined {
  return tracks.find((track) => track.kind === 'video') ?? tracks[0];
}

function hasPart(rendition: Rendition): boolean {
  return rendition.segments.some((segment) => segment.bytes > 0);
}

/** hls.js looks for its first frame at PART-HOLD-BACK from the end and stumbles when it finds a gap there. */
function isFilled({ segments, header }: Rendition): boolean {
  let seconds = 0;
  for (const segment of segments) if (!segment.gap) seconds += segment.seconds;
  return seconds > header.partHoldBackSeconds;
}
