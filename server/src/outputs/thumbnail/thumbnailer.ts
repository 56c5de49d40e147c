/** Posters and storyboards of all broadcasts. Looks at every stream once a second; streams and packagers know nothing of it. */
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { BroadcastPictures, type PictureCounters, type PicturedStream } from './broadcast-pictures.ts';
import type { PictureMakers } from './picture-maker.ts';
import { Storyboard } from './storyboard.ts';

const LOOK_MS = 1_000;

/** As long as an ended broadcast can be played. */
const LINGER_MS = 60_000;

export interface ThumbnailerDeps {
  readonly makers: PictureMakers;
  readonly clock: Clock;
  readonly log: Log;
}

interface Entry {
  readonly pictures: BroadcastPictures;
  readonly createdAt: number;
  /** Of the broadcast, when it was last followed. */
  epoch: string;
  isOver: boolean;
}

/** What is told of a run of the playlists. */
interface Run {
  readonly epoch: string;
  readonly createdAt: number;
}

export class Thumbnailer {
  readonly counters: PictureCounters = { made: 0, failed: 0 };
  readonly #deps: ThumbnailerDeps;
  readonly #entries = new Map<string, Entry>();
  #timer: Timer | undefined;

  constructor(deps: ThumbnailerDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = this.#deps.clock.every(LOOK_MS, () => this.look());
  }

  /** Begins the storyboard of a run of a broadcast. The archive that keeps the run keeps it too. */
  follow(stream: PicturedStream, { epoch, createdAt }: Run): Storyboard {
    const { streamId } = stream.broadcast;
    const storyboard = new Storyboard(epoch);
    const entry = this.#entries.get(streamId);
    if (entry?.pictures.stream === stream) {
      entry.pictures.begin(storyboard, entry.epoch !== stream.broadcast.epoch);
      entry.epoch = stream.broadcast.epoch;
      return storyboard;
    }
    entry?.pictures.close();
    const pictures = new BroadcastPictures({ ...this.#deps, stream, counters: this.counters }, storyboard);
    this.#entries.set(streamId, { pictures, createdAt, epoch: stream.broadcast.epoch, isOver: false });
    return storyboard;
  }

  /** Of a broadcast that runs, or ended a moment ago. */
  find(streamId: string): { readonly pictures: BroadcastPictures; readonly createdAt: number } | undefined {
    return this.#entries.get(streamId);
  }

  look(): void {
    for (const [streamId, entry] of this.#entries) {
      if (entry.isOver) continue;
      if (entry.pictures.stream.broadcast.state === 'ended') this.#end(streamId, entry);
      else entry.pictures.look();
    }
  }

  close(): void {
    this.#timer?.cancel();
    for (const { pictures } of this.#entries.values()) pictures.close();
  }

  #end(streamId: string, entry: Entry): void {
    entry.isOver = true;
    entry.pictures.close();
    this.#deps.clock.after(LINGER_MS, () => {
      if (this.#entries.get(streamId) === entry) this.#entries.delete(streamId);
    });
  }
}
