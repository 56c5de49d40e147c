/** Stands before a packager: shows a ladder what the packager gets, and gives the packager the tiers that come of it. */
import type { Track, VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { LiveStream } from '../../stream/live-stream.ts';
import type { Sink } from '../../stream/sink.ts';
import type { Packager } from './packager.ts';
import type { Tier } from './rendition.ts';

interface LadderListener {
  begin(tier: string, track: VideoTrack): void;
  unit(unit: Unit): void;
  rest(tiers: readonly string[], offered: boolean): void;
}

interface Ladder {
  tracks(tracks: readonly Track[]): readonly Tier[];
  ready(): void;
  unit(unit: Unit): void;
  used(): void;
  pause(): void;
  close(): void;
}

/** The part of the ladders that is needed here. */
export interface LadderSource {
  open(stream: LiveStream, listener: LadderListener): Ladder;
}

export interface LadderSinkDeps {
  readonly stream: LiveStream;
  readonly packager: Packager;
  readonly ladders: LadderSource;
}

export class LadderSink implements Sink {
  readonly #packager: Packager;
  readonly #ladder: Ladder;

  constructor({ stream, packager, ladders }: LadderSinkDeps) {
    this.#packager = packager;
    this.#ladder = ladders.open(stream, {
      begin: (tier, track) => packager.beginTier(tier, track),
      unit: (unit) => packager.unit(unit),
      rest: (tiers, offered) => {
        for (const tier of tiers) packager.restTier(tier, offered);
      },
    });
  }

  /** Somebody plays. */
  used(): void {
    this.#ladder.used();
  }

  tracks(tracks: readonly Track[]): void {
    this.#packager.tracks(tracks, this.#ladder.tracks(tracks));
    this.#ladder.ready();
  }

  unit(unit: Unit): void {
    // The source first: its boundaries are known before a tier comes to them.
    this.#packager.unit(unit);
    this.#ladder.unit(unit);
  }

  pause(): void {
    this.#ladder.pause();
    this.#packager.pause();
  }

  end(): void {
    this.#ladder.close();
    this.#packager.end();
  }
}
