/**
 * The CMAF side of a broadcast: a sink that cuts every track into parts and segments at common boundaries and keeps them
 * in memory. The first video track, the best, leads; the others (or all but the first, without video) end their segments where it does.
 */

import { canPackage } from '@millrace/media/isobmff/sample-entry';
import type { PlaylistHeader } from '@millrace/media/m3u8/media-playlist';
import type { Track, VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock } from '../../lib/clock.ts';
import type { Sink } from '../../stream/sink.ts';
import type { ListedSegment, PastSegments } from './listed-segment.ts';
import { chooseHeader, frameSecondsOf, isWarm } from './playlist-header.ts';
import { Rendition, type Tier } from './rendition.ts';
import { SegmentCutter } from './segment-cutter.ts';
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

/** After so many parts a rendition without any is no longer waited for. */
const PARTS_WITHOUT_SILENT = 10;

/** Three segments of TARGETDURATION: the least a live playlist holds. */
const LEADING_GAPS = 3;

/** Where a rendition that joins late begins: with all others. */
interface Position {
  readonly msn: number;
  readonly discontinuitySequence: number;
}

export class Packager implements Sink {
  readonly epoch: string;
  readonly createdAt: number;
  readonly counters: PackagerCounters = { parts: 0, partBytes: 0, partLatencyMs: 0, maxPartLatencyMs: 0, overlongFrames: 0, forcedCuts: 0, ignoredUnits: 0 };
  readonly #deps: PackagerDeps;
  readonly #cutter: SegmentCutter;
  /** What is kept on disk of this run, when something is. */
  past: PastSegments | undefined;
  readonly #renditions = new Map<string, Rendition>();
  readonly #writers = new Map<string, TrackWriter>();
  readonly #readyWaiters = new Set<() => void>();
  #onEnded: (() => void) | undefined;
  #tracks: readonly Track[] = [];
  #tiers: readonly Tier[] = [];
  /** Tiers that began before there were playlists. */
  readonly #earlyTiers = new Map<string, VideoTrack>();
  /** Names of tiers that cannot be had now. */
  readonly #absent = new Set<string>();
  #header: PlaylistHeader | undefined;
  #warmUp: Unit[] = [];
  readonly #frameSeconds = new Map<string, number>();
  #ready = false;
  #ended = false;

  constructor(deps: PackagerDeps) {
    this.#deps = deps;
    this.epoch = deps.broadcast.epoch;
    this.createdAt = deps.broadcast.createdAt;
    this.#cutter = new SegmentCutter({ counters: this.counters, createdAt: this.createdAt, segmentMs: deps.config.segmentMs });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** True once a player can start: its distance from the live edge is filled with parts, in every rendition that has any. */
  get ready(): boolean {
    if (this.#ready || this.#ended) return this.#cutter.lead !== undefined;
    const leading = this.#cutter.lead?.rendition;
    this.#ready =
      leading !== undefined &&
      isFilled(leading) &&
      this.renditions.every((rendition) => rendition.tier !== undefined || this.counters.parts >= PARTS_WITHOUT_SILENT || hasPart(rendition));
    return this.#ready;
  }

  /** Those that players are told of. */
  get renditions(): readonly Rendition[] {
    return [...this.#renditions.values()].filter(({ offered }) => offered);
  }

  /** Another whenever playlists and manifests would say something else: each rendition tells of the others too. */
  get version(): number {
    let version = 0;
    for (const rendition of this.renditions) version += rendition.version;
    return version;
  }

  /** The rendition whose segments the others follow. */
  get leading(): Rendition | undefined {
    return this.#cutter.lead?.rendition;
  }

  rendition(name: string): Rendition | undefined {
    return this.#renditions.get(name);
  }

  /** Everything that players may load: what is on disk and then what is in memory; the last one is open until the end. */
  listed({ name, segments }: Rendition): readonly ListedSegment[] {
    const first = segments[0]?.msn ?? 0;
    const past = this.past?.segments(name) ?? [];
    const last = past.at(-1)?.msn ?? -1;
    // What is not on disk yet is a hole: players must not meet it.
    if (past.length === 0 || last + 1 < first) return segments;
    return [...past.slice(0, Math.max(0, first - (past[0]?.msn ?? 0))), ...segments];
  }

  /** Mean duration of a rendition's first frames, seconds; undefined where they were too few. */
  frameSecondsOf({ name }: Rendition): number | undefined {
    return this.#frameSeconds.get(name);
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

  /** @param tiers what may be made of the leading picture: told to players at once, and a rendition each from then on. */
  tracks(tracks: readonly Track[], tiers: readonly Tier[] = []): void {
    if (this.#tracks.length > 0) this.#finish();
    this.#tracks = tracks.filter(canPackage);
    this.#tiers = tiers;
    this.#earlyTiers.clear();
    this.#absent.clear();
    if (this.#header) this.#assign();
  }

  unit(unit: Unit): void {
    if (!this.#header) {
      this.#warmUp.push(unit);
      const lead = leadingTrack(this.#tracks);
      if (lead && isWarm({ lead, tracks: this.#tracks, units: this.#warmUp })) this.#beginPlaylists();
      return;
    }
    this.#route(unit);
  }

  /** A tier begins with its next unit; its rendition does so where a segment begins. */
  beginTier(name: string, track: VideoTrack): void {
    if (!this.#header) this.#earlyTiers.set(name, track);
    else this.#cutter.expect(track);
  }

  /**
   * Nothing comes of a tier until it begins again.
   * @param offered whether players may still ask for it.
   */
  restTier(name: string, offered: boolean): void {
    if (offered) this.#absent.delete(name);
    else this.#absent.add(name);
    this.#earlyTiers.delete(name);
    const tier = this.#tiers.find((each) => each.name === name);
    if (!this.#header || !tier) return;
    this.#cutter.leave(tier.track.id);
    this.#renditions.get(name)?.setTier(tier, offered);
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

  /** Fixes what may never change, then packages what was waiting for it. */
  #beginPlaylists(): void {
    const lead = leadingTrack(this.#tracks);
    const waiting = this.#warmUp;
    this.#warmUp = [];
    if (!lead) return;
    this.#header = chooseHeader({ lead, tracks: this.#tracks, units: waiting }, this.#deps.config.partMs / 1000);
    this.#assign();
    for (const [name, { track }] of this.#writers) {
      const frameSeconds = frameSecondsOf(track, waiting);
      if (frameSeconds !== undefined) this.#frameSeconds.set(name, frameSeconds);
    }
    for (const unit of waiting) this.#route(unit);
  }

  /** Gives every track its rendition: `video`, `audio`, then `video2`, `audio2` …, the same names after a return. */
  #assign(): void {
    const lead = leadingTrack(this.#tracks);
    const before = this.#cutter.lead;
    const counts = { video: 0, audio: 0 };
    const assigned = new Set<string>();
    let leading: TrackWriter | undefined;
    const followers = new Map<number, TrackWriter>();
    const open = before?.rendition.open;
    const position = open ? { msn: open.msn, discontinuitySequence: open.discontinuitySequence + (open.discontinuity ? 0 : 1) } : undefined;
    for (const track of this.#tracks) {
      const count = ++counts[track.kind];
      const name = count === 1 ? track.kind : `${track.kind}${count}`;
      assigned.add(name);
      const writer = this.#writerFor(name, track, position);
      if (track === lead) leading = writer;
      else followers.set(track.id, writer);
    }
    const known = new Set(this.#writers.values());
    const tiers = this.#assignTiers(position);
    const tierWriters = new Set(tiers.values());
    let vanished = -1;
    for (const [name, writer] of this.#writers) {
      if (assigned.has(name)) continue;
      if (writer.active) writer.restart(undefined, writer.usualSeconds);
      else if (known.has(writer)) writer.rendition.markDiscontinuity();
      if (tierWriters.has(writer)) continue;
      if (writer.rendition.tier) writer.rendition.setTier(undefined, false);
      // Ids of tracks are not negative: these never meet a unit.
      followers.set(vanished--, writer);
    }
    this.#cutter.assign(leading, followers, tiers);
    for (const track of this.#earlyTiers.values()) this.#cutter.expect(track);
  }

  /** Gives every tier its rendition, by its name, which is gaps until the tier begins. */
  #assignTiers(position: Position | undefined): ReadonlyMap<number, TrackWriter> {
    const writers = new Map<number, TrackWriter>();
    for (const tier of this.#tiers) {
      const { name, track } = tier;
      const writer = this.#writers.get(name) ?? this.#newWriter(name, track, position, true);
      writer.rendition.setTier(tier, !this.#absent.has(name));
      writers.set(track.id, writer);
    }
    return writers;
  }

  #writerFor(name: string, track: Track, position: Position | undefined): TrackWriter {
    const existing = this.#writers.get(name);
    if (existing) {
      existing.restart(track, usualFrameSeconds(track));
      return existing;
    }
    return this.#newWriter(name, track, position, false);
  }

  #newWriter(name: string, track: Track, position: Position | undefined, joinsLater: boolean): TrackWriter {
    const { counters, createdAt } = this;
    const rendition = this.#newRendition(name, position);
    const writer = new TrackWriter(track, usualFrameSeconds(track), { clock: this.#deps.clock, rendition, counters, createdAt, joinsLater });
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
    this.#cutter.route(unit);
    if (this.#readyWaiters.size > 0 && this.ready) this.#announceReady();
  }

  /** Shows everything that is buffered and ends the open segment, in all renditions at the same number. */
  #finish(): void {
    if (!this.#header && this.#warmUp.length > 0) this.#beginPlaylists();
    if (this.#cutter.finish() && this.#readyWaiters.size > 0 && this.ready) this.#announceReady();
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
