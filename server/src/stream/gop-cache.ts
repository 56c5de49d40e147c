/**
 * The units since the last key frame, so that a reader who joins in mid-group can decode at once. Of several video tracks, the group of each:
 * they are renditions of one picture, whose key frames need not come together.
 */
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';

/** A group larger than this is not worth keeping: 10 s at 25 Mbit/s. */
const MAX_BYTES = 32 * 1024 * 1024;

/** The same in units, which cost memory however small they are: 30 s of 60 fps video with sound. */
const MAX_UNITS = 4096;

export class GopCache {
  #units: Unit[] = [];
  #bytes = 0;
  #videoTracks: ReadonlySet<number> = new Set();
  /** Video tracks of which there is a group. */
  readonly #begun = new Set<number>();

  /** Forgets everything: units of other formats do not follow these. */
  reset(tracks: readonly Track[]): void {
    this.#videoTracks = new Set(tracks.filter((track) => track.kind === 'video').map((track) => track.id));
    this.#clear();
  }

  push(unit: Unit): void {
    // Audio alone decodes from any unit, so there is nothing to keep.
    if (this.#videoTracks.size === 0) return;
    const isVideo = this.#videoTracks.has(unit.track);
    if (isVideo && unit.key) this.#beginGroup(unit.track);
    else if (isVideo ? !this.#begun.has(unit.track) : this.#units.length === 0) return;
    this.#units.push(unit);
    this.#bytes += unit.data.length;
    if (this.#bytes > MAX_BYTES || this.#units.length > MAX_UNITS) this.#clear();
  }

  get units(): readonly Unit[] {
    return this.#units;
  }

  /** Forgets the last group of this track, those of tracks that were silent all through it, and the sound from before what is left. */
  #beginGroup(track: number): void {
    if (this.#videoTracks.size === 1) {
      this.#clear();
    } else if (this.#begun.has(track)) {
      const since = this.#units.findIndex((unit) => unit.track === track);
      const heard = new Set(this.#units.slice(since).map((unit) => unit.track));
      const gone = [...this.#begun].filter((each) => each === track || !heard.has(each));
      for (const each of gone) this.#begun.delete(each);
      const left = this.#units.filter((unit) => !gone.includes(unit.track));
      const first = left.findIndex((unit) => this.#videoTracks.has(unit.track));
      this.#units = first === -1 ? [] : left.slice(first);
      this.#bytes = this.#units.reduce((sum, { data }) => sum + data.length, 0);
    }
    this.#begun.add(track);
  }

  #clear(): void {
    this.#units = [];
    this.#bytes = 0;
    this.#begun.clear();
  }
}
