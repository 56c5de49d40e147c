/**
 * The tiers of a broadcast's picture as sizes for its WHEP viewers: a packet log for each, under the same source as the picture itself.
 * Kept only while a viewer wants one. Stands between a ladder and the broadcaster.
 */
import type { VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock } from '../../lib/clock.ts';
import type { LiveStream } from '../../stream/live-stream.ts';
import { carriedOf } from './from-stream.ts';
import type { TierShape } from './layers.ts';
import type { OutgoingTrack } from './outgoing-track.ts';
import { PacketLog } from './packet-log.ts';

/** Nobody has wanted a tier for so long: nothing of them is kept. Longer than the least group of pictures that a viewer leaves a tier in. */
const KEPT_MS = 10_000;

interface TierListener {
  begin(tier: string, track: VideoTrack): void;
  unit(unit: Unit): void;
  rest(tiers: readonly string[]): void;
}

/** The part of the ladders that is needed here. */
export interface TierSource {
  /** Tells of the tiers that have begun, and of what comes. */
  follow(stream: LiveStream, listener: TierListener): { readonly tiers: readonly TierShape[]; used(): void; close(): void };
}

export interface TierSizesDeps {
  readonly stream: LiveStream;
  readonly source: TierSource;
  readonly clock: Clock;
  readonly ssrc: number;
  /** There are new packets in the logs. */
  onPackets(): void;
  /** A tier has begun, or rests. */
  onChange(): void;
}

export class TierSizes {
  readonly #deps: TierSizesDeps;
  readonly #following: ReturnType<TierSource['follow']>;
  /** Those that have begun, by name. */
  readonly #begun = new Map<string, VideoTrack>();
  /** By the id of the track; also of those that rest, whose last pictures may be on their way. */
  readonly #outgoing = new Map<number, OutgoingTrack>();
  #wantedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: TierSizesDeps) {
    this.#deps = deps;
    this.#following = deps.source.follow(deps.stream, {
      begin: (tier, track) => this.#begin(tier, track),
      unit: (unit) => this.#unit(unit),
      rest: (tiers) => this.#rest(tiers),
    });
  }

  /** The largest first; undefined are those that do not come now, but may when they are wanted. */
  get sizes(): readonly (OutgoingTrack | undefined)[] {
    return this.shapes.map(({ name }) => this.#outgoing.get(this.#begun.get(name)?.id ?? -1));
  }

  /** Of the sizes, in the same order. */
  get shapes(): readonly TierShape[] {
    return this.#following.tiers;
  }

  /** Somebody is on a tier or wants one: to be said at least once a second. */
  want(): void {
    this.#wantedAt = this.#deps.clock.monotonic();
    for (const track of this.#begun.values()) if (!this.#outgoing.has(track.id)) this.#open(track);
    this.#following.used();
  }

  /** To be called now and then: forgets what nobody wants. */
  tidy(): void {
    if (!this.#isWanted) this.#outgoing.clear();
  }

  close(): void {
    this.#following.close();
    this.#outgoing.clear();
  }

  get #isWanted(): boolean {
    return this.#deps.clock.monotonic() - this.#wantedAt < KEPT_MS;
  }

  #begin(tier: string, track: VideoTrack): void {
    this.#begun.set(tier, track);
    if (!this.#isWanted) return;
    // In a log of its own: what follows may be from before what was.
    this.#open(track);
    this.#deps.onChange();
  }

  #open(track: VideoTrack): void {
    const carried = carriedOf(track);
    if (!carried) return;
    const log = new PacketLog({ kind: 'video', codec: track.codec, ssrc: this.#deps.ssrc, clockRate: carried.clockRate });
    log.setFormat(carried.packetizer, track.timescale);
    this.#outgoing.set(track.id, { carried, log });
  }

  #unit(unit: Unit): void {
    const outgoing = this.#outgoing.get(unit.track);
    if (!outgoing) return;
    outgoing.log.append(unit);
    this.#deps.onPackets();
  }

  #rest(tiers: readonly string[]): void {
    for (const tier of tiers) this.#begun.delete(tier);
    this.#deps.onChange();
  }
}
