/**
 * Keeps the renditions of a broadcast in step: gives every unit to the writer of its track and ends segments in all of them at common
 * boundaries. The leading track's key frames choose the boundaries; the others end their segments where it does. A leading picture that
 * falls silent hands over to another size of it.
 */
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { Follower, MAX_SKEW_SECONDS } from './follower.ts';
import { TARGET_SECONDS } from './playlist-header.ts';
import type { PackagerCounters, TrackWriter } from './track-writer.ts';

/** Many players start only with a complete segment, so the first one is kept short where the key frames allow it. */
const FIRST_SEGMENT_SECONDS = 1;

/** EXTINF is compared with TARGETDURATION rounded, so a key frame that is a little late may still be waited for. */
const LATE_KEY_SECONDS = 0.25;

/** A key frame this little before the wanted segment end is at it: timestamps are rounded. */
const EARLY_KEY_SECONDS = 0.03;

/** A leading track silent for so long has stopped; a source as slow as one frame in two seconds has not. */
const MAX_STALL_SECONDS = 2.5;

/** The same when another size of its picture goes on, which can lead in its place: longer than a lost packet is waited for. */
const MAX_HANDOVER_SECONDS = 0.7;

/** No source is so slow that so many frames in a row are only late. */
const SILENT_FRAMES = 4;

export interface SegmentCutterDeps {
  readonly counters: PackagerCounters;
  /** Milliseconds since the Unix epoch that time 0 stands for. */
  readonly createdAt: number;
  /** Segments end at the first key frame after this. */
  readonly segmentMs: number;
}

export class SegmentCutter {
  readonly #deps: SegmentCutterDeps;
  #lead: TrackWriter | undefined;
  #followers = new Map<number, Follower>();
  /** Time of the leading track's last unit, seconds. */
  #leadTime = 0;
  /** Where the open segment of the leading track begins, seconds. */
  #segmentAt: number | undefined;
  #isFirstSegment = true;
  /** Whether decoding can begin at the open segment of the leading track. */
  #segmentHasKey = true;

  constructor(deps: SegmentCutterDeps) {
    this.#deps = deps;
  }

  /** The writer whose segments the others follow. */
  get lead(): TrackWriter | undefined {
    return this.#lead;
  }

  /**
   * Other tracks, after `finish`. Without a new leading writer the last one stays.
   * @param tiers pictures that are made from the leading one.
   */
  assign(lead: TrackWriter | undefined, followers: ReadonlyMap<number, TrackWriter>, tiers: ReadonlyMap<number, TrackWriter> = new Map()): void {
    this.#lead = lead ?? this.#lead;
    this.#followers = new Map([...followers].map(([track, writer]) => [track, this.#follow(writer)]));
    for (const [track, writer] of tiers) this.#followers.set(track, this.#follow(writer, true));
  }

  /** A tier begins with its next unit. */
  expect(track: Track): void {
    this.#followers.get(track.id)?.expect(track);
  }

  /** Nothing comes of a tier until further notice. */
  leave(track: number): void {
    this.#followers.get(track)?.leave();
  }

  /** Gives a unit to the writer of its track, once the segment before it is ended where it must be. */
  route(unit: Unit): void {
    const lead = this.#lead;
    if (lead?.active && unit.track === lead.track.id) {
      this.#advance(lead, unit);
      return;
    }
    const follower = this.#followers.get(unit.track);
    if (!follower || !lead) {
      this.#deps.counters.ignoredUnits++;
      return;
    }
    follower.push(unit);
    if (follower.isTier) {
      this.#drain(follower, this.#leadTime);
      return;
    }
    const at = unit.dts / follower.writer.track.timescale;
    if (this.#canLead(lead, follower)) {
      this.#handOver(lead, follower);
      return;
    }
    this.#overtake(lead, at);
    this.#drain(follower, this.#leadTime);
  }

  /** Shows everything that is buffered and ends the open segment, in all renditions at the same number. False: there was nothing. */
  finish(): boolean {
    const lead = this.#lead;
    if (!lead) return false;
    if (this.#isMoment(lead)) {
      this.#drop(lead);
      return false;
    }
    for (const follower of this.#followers.values()) this.#drain(follower, Number.POSITIVE_INFINITY);
    const writers = [lead, ...[...this.#followers.values()].map((follower) => follower.writer)];
    if (!writers.some((writer) => writer.hasMedia)) return false;
    const start = this.#segmentAt ?? this.#leadTime;
    this.#segmentAt = undefined;
    this.#segmentHasKey = true;
    for (const writer of writers) writer.flush();
    const seconds = Math.max(lead.usualSeconds, this.#leadTime + lead.usualSeconds - start);
    for (const writer of writers) {
      writer.rendition.open.final = true;
      writer.endSegment(seconds, this.#deps.createdAt + start * 1000);
    }
    return true;
  }

  #advance(lead: TrackWriter, unit: Unit): void {
    const at = unit.dts / lead.track.timescale;
    this.#splitBeforeLongFrame(lead, at);
    lead.settle(unit);
    this.#cutBefore(lead, at, unit.key);
    lead.hold(unit);
    for (const follower of this.#followers.values()) this.#drain(follower, at);
  }

  /**
   * A publisher that returned and is gone or changed before its first part: an old connection comes to life for some frames when a new one
   * is about to take over. Players stumble over a segment of one frame, and nobody misses it.
   */
  #isMoment(lead: TrackWriter): boolean {
    const writers = [lead, ...[...this.#followers.values()].map((follower) => follower.writer)];
    return lead.rendition.open.discontinuity && writers.every(({ rendition }) => rendition.open.parts.length === 0);
  }

  #drop(lead: TrackWriter): void {
    lead.drop();
    for (const [track, { writer, isTier }] of this.#followers) {
      writer.drop();
      this.#followers.set(track, this.#follow(writer, isTier));
    }
    this.#segmentAt = undefined;
    this.#segmentHasKey = true;
  }

  #drain(follower: Follower, edge: number): void {
    follower.drain(edge, this.#segmentAt, this.#mayEnd);
  }

  #follow(writer: TrackWriter, isTier = false): Follower {
    const { counters, createdAt } = this.#deps;
    return new Follower({ writer, counters, createdAt, isTier });
  }

  /** It goes on all the while that the lead is silent: a camera that stands still for a moment hands nothing over. */
  #canLead(lead: TrackWriter, { writer, waitingSeconds }: Follower): boolean {
    if (writer.track.kind !== 'video' || lead.track.kind !== 'video') return false;
    return waitingSeconds > Math.max(MAX_HANDOVER_SECONDS, SILENT_FRAMES * lead.usualSeconds);
  }

  /** The old lead keeps its place among the others, with gaps while it is silent. */
  #handOver(lead: TrackWriter, to: Follower): void {
    lead.flush();
    const units = to.promote();
    this.#followers.delete(to.writer.track.id);
    this.#followers.set(lead.track.id, this.#follow(lead));
    this.#lead = to.writer;
    for (const unit of units) this.#advance(to.writer, unit);
  }

  /** Ends the segment in front of this time when it is long enough and decoding can begin here, or when it must not grow. */
  #cutBefore(lead: TrackWriter, at: number, key: boolean): void {
    this.#leadTime = Math.max(at, this.#leadTime);
    this.#segmentAt ??= at;
    const seconds = at - this.#segmentAt;
    const isLongEnough = key && seconds > 0 && this.#mayEnd(at);
    const mustEnd = seconds + lead.usualSeconds > TARGET_SECONDS + LATE_KEY_SECONDS;
    if (!isLongEnough && !mustEnd) return;
    this.#isFirstSegment = false;
    if (!key) this.#deps.counters.forcedCuts++;
    this.#cut(lead, at);
    this.#segmentHasKey = key;
  }

  /** Whether the open segment of the leading track is long enough for a key frame at this time to end it. */
  readonly #mayEnd = (at: number): boolean => {
    if (this.#segmentAt === undefined) return false;
    const wanted = this.#isFirstSegment ? FIRST_SEGMENT_SECONDS : this.#deps.segmentMs / 1000;
    // Behind a forced cut nobody can begin until a segment begins with a key frame again.
    return at - this.#segmentAt >= (this.#segmentHasKey ? wanted - EARLY_KEY_SECONDS : 0);
  };

  #cut(lead: TrackWriter, at: number): void {
    const start = this.#segmentAt ?? at;
    const seconds = at - start;
    this.#segmentAt = at;
    lead.endSegment(seconds, this.#deps.createdAt + start * 1000);
    for (const follower of this.#followers.values()) follower.bound({ at, seconds });
  }

  /** The frame before this one turns out to last so long that it must have a segment to itself. */
  #splitBeforeLongFrame(lead: TrackWriter, at: number): void {
    const held = lead.heldAt;
    if (held === undefined || this.#segmentAt === undefined) return;
    if (at - this.#segmentAt <= TARGET_SECONDS + LATE_KEY_SECONDS || held <= this.#segmentAt) return;
    this.#deps.counters.forcedCuts++;
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
}
