/** The publisher's tracks as browsers take them by WebRTC: sound that is not Opus, pictures with B-frames and those that a viewer lacks a decoder for come through bridges. */
import { sameFormat, type Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { LiveStream } from '../../stream/live-stream.ts';
import type { Sink } from '../../stream/sink.ts';
import { hasReorderedPictures } from './from-stream.ts';
import { type PictureForm, publishedTracks, type TrackFeedSource, type TrackSource } from './track-source.ts';

/** How long viewers wait for a bridge that starts on a busy machine; then they get what there is, and negotiate anew when the rest comes. */
const BRIDGE_WAIT_MS = 4_000;

/** What is held meanwhile: the running group of pictures. */
const MAX_HELD_UNITS = 2_048;

type Want = { readonly kind: 'audio'; readonly codec: 'opus' } | { readonly kind: 'video'; readonly codec: 'h264'; readonly bFrames: false };

interface Lease {
  subscribe(listener: { track(track: Track): void; unit(unit: Unit): void; fail(): void; end(): void }): () => void;
  requestKeyFrame(): void;
  release(): void;
}

/** The part of the bridges that is needed here. */
export interface BridgeSource {
  acquire(stream: LiveStream, want: Want): Lease;
}

export interface BridgedTracksDeps {
  readonly bridges: BridgeSource;
  readonly clock: Clock;
}

export class BridgedTracks implements TrackSource {
  readonly #deps: BridgedTracksDeps;

  constructor(deps: BridgedTracksDeps) {
    this.#deps = deps;
  }

  open(stream: LiveStream, sink: Sink, form: PictureForm): TrackFeedSource {
    return new BridgedFeed(stream, sink, { ...this.#deps, form });
  }
}

interface Bridged {
  readonly lease: Lease;
  track: Track | undefined;
  /** Not worth waiting for. */
  hasFailed: boolean;
}

class BridgedFeed implements Sink, TrackFeedSource {
  readonly #stream: LiveStream;
  readonly #sink: Sink;
  readonly #deps: BridgedTracksDeps & { readonly form: PictureForm };
  readonly #direct: TrackFeedSource;
  #published: readonly Track[] = [];
  #audio: Bridged | undefined;
  #video: Bridged | undefined;
  #latestPts = Number.NEGATIVE_INFINITY;
  #isTold = false;
  #isClosed = false;
  #held: Unit[] = [];
  #timer: Timer | undefined;

  constructor(stream: LiveStream, sink: Sink, deps: BridgedTracksDeps & { readonly form: PictureForm }) {
    this.#stream = stream;
    this.#sink = sink;
    this.#deps = deps;
    this.#direct = publishedTracks.open(stream, this, 'published');
  }

  requestKeyFrame(): void {
    if (this.#video) this.#video.lease.requestKeyFrame();
    else this.#direct.requestKeyFrame();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#direct.close();
    this.#audio?.lease.release();
    this.#video?.lease.release();
  }

  tracks(tracks: readonly Track[]): void {
    this.#published = tracks;
    this.#latestPts = Number.NEGATIVE_INFINITY;
    const audio = tracks.find(({ kind }) => kind === 'audio');
    const video = tracks.find(({ kind }) => kind === 'video');
    if (audio && audio.codec !== 'opus') this.#audio ??= this.#acquire({ kind: 'audio', codec: 'opus' });
    else this.#audio = this.#drop(this.#audio);
    const isLacked = this.#deps.form === 'h264' && video?.codec !== 'h264';
    if (video && (isLacked || hasReorderedPictures(this.#stream.recentUnits, video.id))) this.#video ??= this.#acquire({ kind: 'video', codec: 'h264', bFrames: false });
    else if (!video) this.#video = this.#drop(this.#video);
    this.#tellWhenComplete();
  }

  unit(unit: Unit): void {
    const track = this.#published.find(({ id }) => id === unit.track);
    if (track && track === this.#leading && !this.#video && this.#isOutOfOrder(unit)) {
      this.#video = this.#acquire({ kind: 'video', codec: 'h264', bFrames: false });
      this.#isTold = false;
      this.#tellWhenComplete();
    }
    // Of several sizes the first tells the order; where it needs a bridge, the bridge stands for all.
    const isBridged = track?.kind === 'video' ? this.#video !== undefined : this.#audio !== undefined;
    if (track && !isBridged) this.#pass(unit);
  }

  pause(): void {
    this.#sink.pause();
  }

  end(): void {
    this.#sink.end();
  }

  get #leading(): Track | undefined {
    return this.#published.find(({ kind }) => kind === 'video');
  }

  #isOutOfOrder({ pts }: Unit): boolean {
    if (pts < this.#latestPts) return true;
    this.#latestPts = pts;
    return false;
  }

  #acquire(want: Want): Bridged {
    const bridged: Bridged = { lease: this.#deps.bridges.acquire(this.#stream, want), track: undefined, hasFailed: false };
    bridged.lease.subscribe({
      track: (track) => this.#bridgeTold(bridged, track),
      unit: (unit) => {
        if (bridged === this.#audio || bridged === this.#video) this.#pass(unit);
      },
      fail: () => {
        bridged.hasFailed = true;
        if (!this.#isTold) this.#tellWhenComplete();
      },
      // The broadcast's own end is told by its reader.
      end() {},
    });
    return bridged;
  }

  #drop(bridged: Bridged | undefined): undefined {
    bridged?.lease.release();
    return undefined;
  }

  #bridgeTold(bridged: Bridged, track: Track): void {
    // A bridge tells its format again at every discontinuity, of which pictures that do not come from it know already.
    const isNews = !bridged.track || track.kind === 'video' || !sameFormat(bridged.track, track);
    bridged.track = track;
    if (!isNews || this.#isClosed) return;
    if (this.#isTold) this.#tell();
    else this.#tellWhenComplete();
  }

  #tellWhenComplete(): void {
    // The first bridge may tell its track while the second is still being asked for.
    if (this.#published.length === 0 || this.#isClosed) return;
    const isComplete = [this.#audio, this.#video].every((bridged) => !bridged || bridged.track || bridged.hasFailed);
    if (isComplete || this.#isTold) this.#tell();
    else this.#timer ??= this.#deps.clock.after(BRIDGE_WAIT_MS, () => this.#tell());
  }

  /** Goes on with the tracks there are. */
  #tell(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isTold = true;
    const held = this.#held;
    this.#held = [];
    this.#sink.tracks(
      this.#published.flatMap((track) => {
        const bridged = track.kind === 'video' ? this.#video : this.#audio;
        if (bridged && track.kind === 'video' && track !== this.#leading) return [];
        return bridged ? (bridged.track ?? []) : track;
      }),
    );
    for (const unit of held) this.#sink.unit(unit);
  }

  #pass(unit: Unit): void {
    if (this.#isTold) this.#sink.unit(unit);
    else if (this.#held.length < MAX_HELD_UNITS) this.#held.push(unit);
  }
}
