/** The units since the last key frame, so that a reader who joins in mid-group can decode at once. */
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';

/** A group larger than this is not worth keeping: 10 s at 25 Mbit/s. */
const MAX_BYTES = 32 * 1024 * 1024;

/** The same in units, which cost memory however small they are: 30 s of 60 fps video with sound. */
const MAX_UNITS = 4096;

export class GopCache {
  #units: Unit[] = [];
  #bytes = 0;
  #videoTrack: number | undefined;

  /** Forgets everything: units of other formats do not follow these. */
  reset(tracks: readonly Track[]): void {
    this.#videoTrack = tracks.find((track) => track.kind === 'video')?.id;
    this.#clear();
  }

  push(unit: Unit): void {
    const isVideo = unit.track === this.#videoTrack;
    // Audio alone decodes from any unit, so there is nothing to keep.
    if (this.#videoTrack === undefined) return;
    if (isVideo && unit.key) this.#clear();
    else if (this.#units.length === 0) return;
    this.#units.push(unit);
    this.#bytes += unit.data.length;
    if (this.#bytes > MAX_BYTES || this.#units.length > MAX_UNITS) this.#clear();
  }

  get units(): readonly Unit[] {
    return this.#units;
  }

  #clear(): void {
    this.#units = [];
    this.#bytes = 0;
  }
}
