/** The pictures of one broadcast: takes a key frame once in a while, has a worker make pictures of it, and knows the newest. */
import { sameFormat, type Track, type VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { MadePictures, PictureMaker, PictureMakers } from './picture-maker.ts';
import type { Storyboard } from './storyboard.ts';

/** With a look a second, a poster gives way to the next before it is 10 s old, where key frames come as often. */
const MOST_SECONDS = 9;

/** As wide as a poster: of several sizes a smaller one would show less, and a larger one costs more to decode. */
const ENOUGH_WIDTH = 640;

/** What could not be decoded is followed by a wait, doubled each time up to the last. */
const FIRST_WAIT_MS = 8_000;
const LAST_WAIT_MS = 10 * 60_000;

/** A broadcast that cost so many workers in a row gets the next for itself. */
const LOSSES_TO_BE_ALONE = 2;

/** What is seen of a live stream. */
export interface PicturedStream {
  readonly broadcast: { readonly streamId: string; readonly epoch: string; readonly state: string };
  readonly currentTracks: readonly Track[];
  /** Since the last key frame of each track. */
  readonly recentUnits: readonly Unit[];
}

export interface Poster {
  readonly jpeg: Uint8Array;
  /** Changes with the picture. */
  readonly version: string;
}

export interface PictureCounters {
  made: number;
  failed: number;
}

export interface BroadcastPicturesDeps {
  readonly stream: PicturedStream;
  readonly makers: PictureMakers;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: PictureCounters;
}

interface KeyFrame {
  readonly track: VideoTrack;
  readonly unit: Unit;
  readonly seconds: number;
}

export class BroadcastPictures {
  readonly #deps: BroadcastPicturesDeps;
  #storyboard: Storyboard;
  #poster: Poster | undefined;
  #maker: PictureMaker | undefined;
  #source: VideoTrack | undefined;
  /** What is being made, seconds on the timeline. */
  #asked: number | undefined;
  #lastSeconds: number | undefined;
  /** Of the newest key frame, and from the one before it that was seen. */
  #seenSeconds: number | undefined;
  #interval = 0;
  #losses = 0;
  #waitUntil = Number.NEGATIVE_INFINITY;

  constructor(deps: BroadcastPicturesDeps, storyboard: Storyboard) {
    this.#deps = deps;
    this.#storyboard = storyboard;
  }

  get stream(): PicturedStream {
    return this.#deps.stream;
  }

  get storyboard(): Storyboard {
    return this.#storyboard;
  }

  get poster(): Poster | undefined {
    return this.#poster;
  }

  /** Playlists begin anew. The last poster goes on standing for the broadcast, unless viewers were not let in when it was made. */
  begin(storyboard: Storyboard, isFirstShown: boolean): void {
    this.#letGo();
    this.#storyboard = storyboard;
    if (!isFirstShown) return;
    this.#poster = undefined;
    this.#lastSeconds = undefined;
  }

  /** Takes a key frame when it is time for one. To be called once a second. */
  look(): void {
    if (this.#asked !== undefined) return;
    const newest = newestKeyFrame(this.#deps.stream);
    if (!newest) return;
    const { track, unit, seconds } = newest;
    if (seconds !== this.#seenSeconds) this.#interval = seconds - (this.#seenSeconds ?? seconds);
    this.#seenSeconds = seconds;
    if (this.#lastSeconds !== undefined && (seconds === this.#lastSeconds || seconds + this.#interval <= this.#lastSeconds + MOST_SECONDS)) return;
    const isNew = !this.#source || !sameFormat(this.#source, track);
    if (!isNew && this.#deps.clock.monotonic() < this.#waitUntil) return;
    if (isNew) {
      this.#letGo();
      this.#losses = 0;
    }
    this.#source = track;
    this.#lastSeconds = seconds;
    this.#maker ??= this.#open(track);
    this.#asked = seconds;
    this.#maker.make(unit);
  }

  close(): void {
    this.#letGo();
  }

  #open(source: VideoTrack): PictureMaker {
    const maker = this.#deps.makers.open(
      source,
      {
        made: (pictures) => {
          if (this.#maker === maker && this.#asked !== undefined) this.#take(pictures, this.#asked);
        },
        lost: (why) => {
          if (this.#maker === maker) this.#lost(why);
        },
      },
      this.#losses >= LOSSES_TO_BE_ALONE,
    );
    return maker;
  }

  #take(pictures: MadePictures, seconds: number): void {
    this.#poster = { jpeg: pictures.poster, version: `${this.#deps.stream.broadcast.epoch}-${Math.round(seconds * 1000)}` };
    this.#storyboard.add(seconds, pictures);
    this.#asked = undefined;
    this.#losses = 0;
    this.#deps.counters.made++;
  }

  #lost(why: string): void {
    const { clock, log, counters, stream } = this.#deps;
    this.#maker = undefined;
    // Others brought down what worked for them too, between two pictures.
    if (this.#asked === undefined) return;
    this.#asked = undefined;
    counters.failed++;
    this.#waitUntil = clock.monotonic() + Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#losses);
    this.#losses++;
    const about = { streamId: stream.broadcast.streamId, codec: this.#source?.codec, why, losses: this.#losses };
    if (this.#losses === 1) log.warn(about, 'no picture could be made of a key frame: posters and previews wait');
    else log.debug(about, 'again no picture could be made of a key frame');
  }

  #letGo(): void {
    this.#maker?.close();
    this.#maker = undefined;
    this.#asked = undefined;
  }
}

/** Of the smallest size that is large enough, else of the largest. */
function newestKeyFrame({ currentTracks, recentUnits }: PicturedStream): KeyFrame | undefined {
  const tracks = currentTracks.filter((track) => track.kind === 'video').sort((a, b) => rankOf(a) - rankOf(b));
  for (const track of tracks) {
    const unit = recentUnits.find((each) => each.key && each.track === track.id);
    if (unit) return { track, unit, seconds: unit.pts / track.timescale };
  }
  return undefined;
}

function rankOf({ width }: VideoTrack): number {
  return width >= ENOUGH_WIDTH ? width : Number.MAX_SAFE_INTEGER - width;
}
