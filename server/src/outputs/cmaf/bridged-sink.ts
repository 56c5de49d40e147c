/**
 * The packagers of one broadcast, and what they are given so that every player can play it: sound in AAC in place of Opus from the
 * beginning; pictures in H.264 in place of VP8, which take a good part of a core, only while somebody plays. Stands between the stream and
 * the packager and adds the bridge's delay to parts, some 50 ms.
 */
import { canPackage } from '@millrace/media/isobmff/sample-entry';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { LiveStream } from '../../stream/live-stream.ts';
import type { Sink } from '../../stream/sink.ts';
import { BridgedTrack, type BridgeSource, type BridgeWant } from './bridged-track.ts';
import { LadderSink, type LadderSource } from './ladder-sink.ts';
import type { Packager } from './packager.ts';
import type { PackagerRegistry } from './registry.ts';

/** How long pictures wait for a bridge of sound that starts; then they go on with the sound there is. */
const BRIDGE_WAIT_MS = 3_000;

/** A publisher that is gone again so soon leaves nothing worth a change of the sound's codec. */
const MOMENT_SECONDS = 1;

/** Players of HLS do not say goodbye. The slowest asks once in a TARGETDURATION, which is 10 s. */
const IDLE_MS = 30_000;

/** A key frame so old is not begun with when the publisher can be asked for another: all that came since would have to be converted. */
const OLD_KEY_SECONDS = 2;

/** How long such a key frame is waited for. */
const KEY_FRAME_WAIT_MS = 1_000;

/** What is held while bridges start: some 15 s of video and sound. */
const MAX_HELD_UNITS = 1_024;
const MAX_HELD_BYTES = 16 * 1024 * 1024;

export interface BridgedSinkDeps {
  readonly stream: LiveStream;
  readonly bridges: BridgeSource;
  /** Smaller sizes of the picture; none when left out. */
  readonly ladders?: LadderSource;
  readonly registry: PackagerRegistry;
  readonly clock: Clock;
  makePackager(epoch: string): Packager;
  /** Of playlists that begin anew after nobody has played for a while. */
  newEpoch(): string;
}

/** What takes tracks and units in step: a packager, or what stands before it. */
type Output = Packager | LadderSink;

/**
 * `asleep`: pictures that nobody wants are not converted, and nothing is packaged. `waking`: a key frame is waited for.
 * `holding`: bridges start. `flowing`: the packager has its tracks.
 */
type Phase = 'asleep' | 'waking' | 'holding' | 'flowing';

export class BridgedSink implements Sink {
  readonly #deps: BridgedSinkDeps;
  /** The packager, with a ladder before it where there are any. */
  #output: Output;
  #tracks: readonly Track[] = [];
  #phase: Phase = 'holding';
  /** Whether the packager was told of tracks: then it cannot be used again after a sleep. */
  #hasBegun = false;
  #isPaused = true;
  /** The time for bridges to start is over. */
  #isLate = false;
  #audio: BridgedTrack | undefined;
  #video: BridgedTrack | undefined;
  /** The tracks that no packager takes, by id. */
  #unplayable = new Set<number>();
  /** The tracks that the packager has, by id. */
  #chosen = new Set<number>();
  #held: Unit[] = [];
  #heldBytes = 0;
  #usedAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #idleTimer: Timer | undefined;

  constructor(deps: BridgedSinkDeps) {
    this.#deps = deps;
    this.#output = this.#open(deps.stream.broadcast.epoch);
  }

  tracks(tracks: readonly Track[]): void {
    this.#tracks = tracks;
    this.#unplayable = new Set(tracks.filter((track) => !canPackage(track)).map(({ id }) => id));
    this.#isPaused = false;
    this.#audio?.expect();
    this.#video?.expect();
    if (this.#pictureToBridge && this.#idleMs >= IDLE_MS) this.#sleep();
    else this.#begin([]);
  }

  unit(unit: Unit): void {
    if (this.#phase === 'waking' && unit.key && unit.track === this.#pictureToBridge?.id) this.#begin([]);
    else this.#pass(unit);
  }

  pause(): void {
    if (this.#phase === 'holding' && !this.#pictureToBridge && !(this.#hasBegun && this.#heldSeconds < MOMENT_SECONDS)) this.#tell();
    this.#isPaused = true;
    this.#timer?.cancel();
    this.#drop();
    this.#output.pause();
  }

  end(): void {
    this.#isPaused = true;
    this.#timer?.cancel();
    this.#idleTimer?.cancel();
    this.#release();
    this.#output.end();
  }

  /** VP8, which no player takes from HLS or DASH. */
  get #pictureToBridge(): Track | undefined {
    const video = this.#tracks.find(({ kind }) => kind === 'video');
    return video && !canPackage(video) ? video : undefined;
  }

  /** Opus, which many players do not take from HLS. */
  get #soundToBridge(): Track | undefined {
    const audio = this.#tracks.find(({ kind }) => kind === 'audio');
    return audio?.codec === 'opus' ? audio : undefined;
  }

  /** Of the track that began first. */
  get #heldSeconds(): number {
    const [first] = this.#held;
    const last = this.#held.findLast(({ track }) => track === first?.track);
    const timescale = this.#tracks.find(({ id }) => id === first?.track)?.timescale ?? 1;
    return first && last ? (last.dts - first.dts) / timescale : 0;
  }

  get #idleMs(): number {
    return this.#deps.clock.monotonic() - this.#usedAt;
  }

  #open(epoch: string): Output {
    const { registry, stream, ladders, makePackager } = this.#deps;
    const packager = makePackager(epoch);
    const ladder = ladders && new LadderSink({ stream, packager, ladders });
    registry.set(stream.broadcast.streamId, packager, (by) => {
      this.#used();
      if (by === 'player') ladder?.used();
    });
    return ladder ?? packager;
  }

  #used(): void {
    this.#usedAt = this.#deps.clock.monotonic();
    if (this.#phase === 'asleep' && !this.#isPaused) this.#wake();
  }

  #sleep(): void {
    this.#phase = 'asleep';
    this.#timer?.cancel();
    this.#release();
    this.#drop();
    if (!this.#hasBegun) return;
    // Whoever comes next should not begin with what was long ago: their playlists begin anew.
    const old = this.#output;
    this.#hasBegun = false;
    this.#output = this.#open(this.#deps.newEpoch());
    old.end();
  }

  #wake(): void {
    const { stream, clock } = this.#deps;
    const source = this.#pictureToBridge;
    const pictures = stream.recentUnits.filter(({ track }) => track === source?.id);
    const seconds = ((pictures.at(-1)?.dts ?? 0) - (pictures[0]?.dts ?? 0)) / (source?.timescale ?? 1);
    if ((pictures.length > 0 && seconds <= OLD_KEY_SECONDS) || !stream.requestKeyFrame()) {
      this.#begin(stream.recentUnits);
      return;
    }
    this.#phase = 'waking';
    this.#timer?.cancel();
    this.#timer = clock.after(KEY_FRAME_WAIT_MS, () => this.#begin(stream.recentUnits));
  }

  /** @param recent what came before and may be packaged too. */
  #begin(recent: readonly Unit[]): void {
    this.#phase = 'holding';
    this.#isLate = false;
    this.#drop();
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.after(BRIDGE_WAIT_MS, () => {
      this.#isLate = true;
      this.#tellWhenComplete();
    });
    for (const unit of recent) this.#pass(unit);
    this.#audio = this.#take(this.#audio, this.#soundToBridge && { kind: 'audio', codec: 'aac' });
    this.#video = this.#take(this.#video, this.#pictureToBridge && { kind: 'video', codec: 'h264', bFrames: false });
    this.#idleTimer?.cancel();
    if (this.#video) this.#sleepWhenIdle(IDLE_MS);
    this.#tellWhenComplete();
  }

  #sleepWhenIdle(afterMs: number): void {
    this.#idleTimer = this.#deps.clock.after(afterMs, () => {
      const leftMs = IDLE_MS - this.#idleMs;
      if (leftMs > 0) this.#sleepWhenIdle(leftMs);
      else this.#sleep();
    });
  }

  /** The bridge there is, or a new one; none when there is no want. */
  #take(current: BridgedTrack | undefined, want: BridgeWant | undefined): BridgedTrack | undefined {
    if (want) return current ?? this.#acquire(want);
    current?.release();
    return undefined;
  }

  #acquire(want: BridgeWant): BridgedTrack {
    return new BridgedTrack(this.#deps.bridges.acquire(this.#deps.stream, want), {
      changed: () => {
        if (this.#phase === 'flowing' && !this.#isPaused) this.#tell();
      },
      unit: (unit, isFirst) => {
        if (this.#isPaused) return;
        // It came too late to be waited for, or comes back.
        if (isFirst && this.#phase === 'flowing') this.#tell();
        this.#pass(unit);
        if (isFirst) this.#tellWhenComplete();
      },
      failed: () => {
        if (this.#isPaused) return;
        if (this.#phase === 'flowing') this.#tell();
        else this.#tellWhenComplete();
      },
    });
  }

  #tellWhenComplete(): void {
    if (this.#phase !== 'holding' || this.#isPaused) return;
    const hasSound = !this.#soundToBridge || this.#isLate || this.#audio?.isSettled;
    // Without its picture a player would begin with sound alone, and stay with it.
    const hasPicture = !this.#pictureToBridge || this.#video?.isSettled;
    if (hasSound && hasPicture) this.#tell();
  }

  /** Gives the packager the tracks there are, and what was held of them. */
  #tell(): void {
    this.#timer?.cancel();
    this.#phase = 'flowing';
    this.#hasBegun = true;
    const sources = [this.#soundToBridge, this.#pictureToBridge];
    const tracks = this.#tracks.map((track) => (sources.includes(track) ? ((track.kind === 'audio' ? this.#audio : this.#video)?.ready ?? track) : track));
    // Of several sizes that no packager takes the converted one stands for all: what a ladder gets is one picture.
    const playable = tracks.filter(canPackage);
    this.#chosen = new Set(playable.map(({ id }) => id));
    const held = inOrder(this.#held, playable);
    this.#drop();
    this.#output.tracks(playable);
    for (const unit of held) this.#output.unit(unit);
  }

  #pass(unit: Unit): void {
    if (this.#phase === 'flowing') {
      if (this.#chosen.has(unit.track)) this.#output.unit(unit);
    } else if (this.#phase === 'holding' && !this.#unplayable.has(unit.track)) {
      this.#hold(unit);
    }
  }

  #hold(unit: Unit): void {
    if (this.#held.length >= MAX_HELD_UNITS || this.#heldBytes + unit.data.length > MAX_HELD_BYTES) {
      this.#isLate = true;
      this.#tellWhenComplete();
      if (this.#phase !== 'holding') {
        this.#pass(unit);
        return;
      }
      this.#drop();
    }
    this.#held.push(unit);
    this.#heldBytes += unit.data.length;
  }

  #drop(): void {
    this.#held = [];
    this.#heldBytes = 0;
  }

  #release(): void {
    this.#audio?.release();
    this.#video?.release();
    this.#audio = undefined;
    this.#video = undefined;
  }
}

/** The units of these tracks by time: sound that comes before the first picture would only open a gap. */
function inOrder(units: readonly Unit[], tracks: readonly Track[]): readonly Unit[] {
  const timescales = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
  const secondsOf = ({ dts, track }: Unit) => dts / (timescales.get(track) ?? 1);
  const known = units.filter(({ track }) => timescales.has(track)).sort((a, b) => secondsOf(a) - secondsOf(b));
  const pictures = new Set(tracks.filter(({ kind }) => kind === 'video').map(({ id }) => id));
  // Of several sizes the smaller may begin a moment before the larger.
  return known.slice(
    Math.max(
      0,
      known.findIndex(({ track }) => pictures.has(track)),
    ),
  );
}
