/** One stream on its way to all its WHEP viewers who take its picture in one form: a sink that packetizes each unit once and lets every viewer take from the same log. */
import type { Layer } from '@millrace/contract/entities/layer';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { LiveStream } from '../../stream/live-stream.ts';
import type { Sink } from '../../stream/sink.ts';
import { type Carried, carriedOf } from './from-stream.ts';
import { publishedLayer, tierLayer } from './layers.ts';
import type { OutgoingTrack } from './outgoing-track.ts';
import { PacketLog } from './packet-log.ts';
import { TierSizes, type TierSource } from './tier-sizes.ts';
import type { PictureForm, TrackFeedSource, TrackSource } from './track-source.ts';

/** How long a viewer's request waits for the tracks of a stream that has them ready, or makes them. */
const TRACKS_TIMEOUT_MS = 5_000;

/** Players mix sound and picture by these, and know by them that the way from here works while a publisher is silent. */
const REPORT_MS = 500;

/** Why the broadcaster tells a viewer to go: it would have to negotiate or ask anew, or there is nothing more. */
export type DismissalReason = 'formats_changed' | 'permission_changed' | 'broadcast_ended';

/** A size of the picture from which so much less has come than from another is silent: its publisher has no room for it. In seconds. */
const SILENT_SECONDS = 0.7;

/** What a broadcaster tells a viewer's session. */
export interface Audience {
  /** There are new packets in the logs. */
  packets(): void;
  /** What follows in the logs does not continue what was. */
  interrupted(): void;
  /** A size of the picture fell silent, rests, or comes again. */
  sizesChanged(): void;
  /** Time for sender reports. */
  report(): void;
  dismiss(reason: DismissalReason): void;
}

export interface BroadcasterDeps {
  readonly stream: LiveStream;
  readonly source: TrackSource;
  readonly form: PictureForm;
  /** Smaller sizes of a picture that comes in one; none when left out. */
  readonly tiers?: TierSource | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** 32 random bits. */
  newSsrc(): number;
  /** The last viewer is gone, or the broadcast over. */
  onIdle(): void;
}

export class Broadcaster implements Sink {
  readonly stream: LiveStream;
  readonly form: PictureForm;
  readonly #deps: BroadcasterDeps;
  readonly #audience = new Set<Audience>();
  readonly #feed: TrackFeedSource;
  readonly #reports: Timer;
  readonly #waiting = new Set<() => void>();
  readonly #videoSsrc: number;
  readonly #tiers: TierSizes | undefined;
  /** The same picture at several sizes, best first, under one source. */
  #videos: readonly OutgoingTrack[] = [];
  #running: readonly OutgoingTrack[] = [];
  /** Time of the first picture of these formats. */
  #picturesFrom: number | undefined;
  #audio: OutgoingTrack | undefined;
  #hasTracks = false;
  /** Requests that look at the tracks and may become viewers. */
  #reserved = 0;
  #latestPts = Number.NEGATIVE_INFINITY;
  #isReordered = false;
  #isClosed = false;

  constructor(deps: BroadcasterDeps) {
    this.#deps = deps;
    this.stream = deps.stream;
    this.form = deps.form;
    this.#videoSsrc = deps.newSsrc();
    this.#tiers = deps.tiers && this.#follow(deps.tiers);
    this.#reports = deps.clock.every(REPORT_MS, () => {
      for (const viewer of this.#audience) viewer.report();
      this.#tiers?.tidy();
    });
    this.#feed = deps.source.open(deps.stream, this, deps.form);
  }

  /** The best size of the picture: what is negotiated. */
  get video(): OutgoingTrack | undefined {
    return this.#videos[0];
  }

  /** The sizes of the picture, best first: those of the publisher that come now, or its one and those that are made of it when they are wanted. */
  get sizes(): readonly (OutgoingTrack | undefined)[] {
    return this.#tiers && this.sizesAreInStep ? [this.video, ...this.#tiers.sizes] : this.#running;
  }

  /** Whether the sizes are made of one another, with key frames at the same times. Tiers are H.264, which viewers must have been promised. */
  get sizesAreInStep(): boolean {
    return this.#videos.length === 1 && (this.form === 'either' || this.video?.carried.track.codec === 'h264');
  }

  /** All sizes there are or could be, best first, whether or not they come now. */
  get layers(): readonly Layer[] {
    const tiers = this.#tiers && this.sizesAreInStep ? this.#tiers.shapes : [];
    return [...this.#videos.flatMap(({ carried }) => publishedLayer(carried.track)), ...tiers.map(tierLayer)];
  }

  /** Where a layer is among the sizes; while it does not come, where the next smaller is. Undefined: there is no such layer. */
  levelOf(rid: string): number | undefined {
    const at = this.layers.findIndex((layer) => layer.rid === rid);
    if (at === -1) return undefined;
    return this.#videos.length > 1 ? this.#videos.slice(0, at).filter((video) => this.#running.includes(video)).length : at;
  }

  /** The size of a level; while there is nothing of it the next one below, or else above. */
  sizeAt(level: number): OutgoingTrack | undefined {
    const { sizes } = this;
    return sizes.slice(level).find((size) => size !== undefined) ?? sizes.slice(0, level).findLast((size) => size !== undefined);
  }

  /** Somebody is on a smaller size or wants one: to be said at least once a second. */
  wantSmaller(): void {
    if (this.sizesAreInStep) this.#tiers?.want();
  }

  get audio(): OutgoingTrack | undefined {
    return this.#audio;
  }

  /** True when pictures are shown in another order than they are decoded, which browsers do not do by WebRTC. */
  get isReordered(): boolean {
    return this.#isReordered;
  }

  get viewers(): number {
    return this.#audience.size;
  }

  /** Resolves once the tracks are known, or waiting for them is over: false then. */
  async ready(): Promise<boolean> {
    if (!this.#hasTracks && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        const timer = this.#deps.clock.after(TRACKS_TIMEOUT_MS, resolve);
        this.#waiting.add(() => {
          timer.cancel();
          resolve();
        });
      });
    }
    return this.#hasTracks && !this.#isClosed;
  }

  /** A timestamp of `track` for this moment: that of a unit which is recorded now. */
  timeNow({ log }: OutgoingTrack): number {
    const elapsedMs = this.#deps.clock.now() - this.stream.broadcast.createdAt;
    return Math.round((elapsedMs * log.clockRate) / 1000);
  }

  /** For a viewer who cannot go on without one. */
  requestKeyFrame(): void {
    this.#feed.requestKeyFrame();
  }

  join(viewer: Audience): void {
    this.#audience.add(viewer);
  }

  leave(viewer: Audience): void {
    this.#audience.delete(viewer);
    this.#closeIfIdle();
  }

  /** Keeps it open for somebody who may join, until the returned function is called. */
  reserve(): () => void {
    this.#reserved++;
    return () => {
      this.#reserved--;
      this.#closeIfIdle();
    };
  }

  tracks(tracks: readonly Track[]): void {
    const carried = tracks.flatMap((track) => carriedOf(track) ?? []);
    const isVideoNews = this.#setVideos(carried.filter(({ track }) => track.kind === 'video'));
    const isAudioNews = this.#setAudio(carried.find(({ track }) => track.kind === 'audio'));
    this.#latestPts = Number.NEGATIVE_INFINITY;
    this.#isReordered = false;
    this.#hasTracks = true;
    this.#wake();
    for (const viewer of [...this.#audience]) {
      if (isVideoNews || isAudioNews) viewer.dismiss('formats_changed');
      else viewer.interrupted();
    }
  }

  unit(unit: Unit): void {
    const outgoing = this.#audio?.carried.track.id === unit.track ? this.#audio : this.#videos.find(({ carried }) => carried.track.id === unit.track);
    if (!outgoing) return;
    if (outgoing === this.video && !this.#isReordered) this.#checkOrder(unit);
    outgoing.log.append(unit);
    if (this.#videos.length > 1 && outgoing !== this.#audio) this.#checkSizes(outgoing);
    for (const viewer of this.#audience) viewer.packets();
  }

  /** The publisher may return: viewers wait on their sessions. */
  pause(): void {}

  end(): void {
    this.dismiss('broadcast_ended');
    this.#close();
  }

  /** Tells every viewer to go. */
  dismiss(reason: DismissalReason): void {
    for (const viewer of [...this.#audience]) viewer.dismiss(reason);
  }

  /** True when viewers would have to negotiate anew. */
  #setVideos(all: readonly Carried[]): boolean {
    const codec = all[0]?.track.codec;
    const isSame = this.video?.carried.track.codec === codec;
    const before = isSame ? this.#videos : [];
    this.#videos = all.filter(({ track }) => track.codec === codec).map((carried, i) => this.#outgoing(carried, before[i]?.log, this.#videoSsrc));
    this.#running = this.#videos;
    this.#picturesFrom = undefined;
    return this.#hasTracks && !isSame;
  }

  /** Likewise. */
  #setAudio(carried: Carried | undefined): boolean {
    const isSame = this.#audio?.carried.track.codec === carried?.track.codec;
    this.#audio = carried && this.#outgoing(carried, isSame ? this.#audio?.log : undefined, this.#deps.newSsrc());
    return this.#hasTracks && !isSame;
  }

  #follow(source: TierSource): TierSizes {
    const { stream, clock } = this.#deps;
    return new TierSizes({
      stream,
      source,
      clock,
      ssrc: this.#videoSsrc,
      onPackets: () => {
        for (const viewer of this.#audience) viewer.packets();
      },
      onChange: () => {
        for (const viewer of this.#audience) viewer.sizesChanged();
      },
    });
  }

  #outgoing(carried: Carried, known: PacketLog | undefined, ssrc: number): OutgoingTrack {
    const { track, packetizer, clockRate } = carried;
    const log = known ?? new PacketLog({ kind: track.kind, codec: track.codec, ssrc, clockRate });
    log.setFormat(packetizer, track.timescale);
    return { carried, log };
  }

  /** One that has yet to begin has as long as one that stops. */
  #checkSizes({ log: { latestTime = 0, clockRate } }: OutgoingTrack): void {
    this.#picturesFrom ??= latestTime;
    const began = this.#picturesFrom;
    const from = latestTime - SILENT_SECONDS * clockRate;
    const running = this.#videos.filter(({ log }) => Math.max(log.latestTime ?? began, began) >= from);
    if (running.length === this.#running.length && running.every((size, i) => size === this.#running[i])) return;
    this.#running = running;
    for (const viewer of this.#audience) viewer.sizesChanged();
  }

  #checkOrder({ pts }: Unit): void {
    if (pts >= this.#latestPts) {
      this.#latestPts = pts;
      return;
    }
    this.#isReordered = true;
    this.dismiss('formats_changed');
  }

  #closeIfIdle(): void {
    if (this.#audience.size === 0 && this.#reserved === 0) this.#close();
  }

  #wake(): void {
    for (const call of this.#waiting) call();
    this.#waiting.clear();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reports.cancel();
    this.#feed.close();
    this.#tiers?.close();
    this.#wake();
    this.#deps.onIdle();
  }
}
