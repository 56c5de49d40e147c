/**
 * The header of an MP4 file whose samples are named one by one (ISO/IEC 14496-12 §8), as editors and players of every age take it. The media
 * behind it may be anything that holds the samples, chunks with their own headers included: what no table names is passed over.
 */
import type { Track } from '../track.ts';
import { ascii, box, fullBox, u8, u16, u32, zeros } from './box.ts';
import { sampleEntry } from './sample-entry.ts';

/** One sample, in the order of decoding. */
export interface MovieSample {
  /** In the track's timescale; what the sample before lasts follows from it. */
  readonly dts: number;
  readonly duration: number;
  readonly bytes: number;
  readonly composition: number;
  readonly key: boolean;
}

/** Ticks of the movie's own clock, in which its length and its edits are told. */
const MOVIE_TIMESCALE = 1000;

const LANGUAGE_UNDETERMINED = 0x55c4;
const MATRIX = u32(0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000);

/** Numbers side by side as a table has them, 32 bits each, growing. */
class Words {
  #words = new Uint32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(...values: readonly number[]): void {
    if (this.#length + values.length > this.#words.length) {
      const larger = new Uint32Array(this.#words.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    for (const value of values) this.#words[this.#length++] = value;
  }

  at(index: number): number {
    return this.#words[index] ?? 0;
  }

  set(index: number, value: number): void {
    this.#words[index] = value;
  }

  bytes(): Uint8Array {
    const out = new Uint8Array(this.#length * 4);
    const view = new DataView(out.buffer);
    for (let i = 0; i < this.#length; i++) view.setUint32(i * 4, this.at(i));
    return out;
  }
}

/** Everything that the file's header says of one track. */
export class MovieTrack {
  readonly timescale: number;
  readonly kind: 'video' | 'audio';
  readonly #descriptions: Track[] = [];
  /** Pairs of count and value. */
  readonly #durations = new Words();
  readonly #compositions = new Words();
  readonly #sizes = new Words();
  readonly #syncs = new Words();
  /** First chunk, samples a chunk, description. */
  readonly #chunkRuns = new Words();
  readonly #offsets: number[] = [];
  #isComposed = false;
  #firstDts: number | undefined;
  #firstComposition = 0;
  #lastDts = 0;
  #lastDuration = 0;
  #ticks = 0;

  constructor(first: Track) {
    this.timescale = first.timescale;
    this.kind = first.kind;
  }

  get sampleCount(): number {
    return this.#sizes.length;
  }

  /** When its first sample is shown, seconds on the clock of the decoding times. */
  get startSeconds(): number {
    return ((this.#firstDts ?? 0) + this.#firstComposition) / this.timescale;
  }

  /** What its samples last together, seconds. */
  get seconds(): number {
    return (this.#ticks + this.#lastDuration) / this.timescale;
  }

  /** Samples that lie one after the other. @param offset of the first, from the beginning of the media. */
  addChunk(track: Track, offset: number, samples: readonly MovieSample[]): void {
    if (samples.length === 0) return;
    for (const sample of samples) this.#addSample(sample);
    this.#offsets.push(offset);
    const description = this.#describe(track);
    const last = this.#chunkRuns.length - 3;
    const isSame = last >= 0 && this.#chunkRuns.at(last + 1) === samples.length && this.#chunkRuns.at(last + 2) === description;
    if (!isSame) this.#chunkRuns.push(this.#offsets.length, samples.length, description);
  }

  /** @param id its number in the movie. @param mediaAt where the media begins in the file. */
  write({ id, mediaAt, movieStart }: { readonly id: number; readonly mediaAt: number; readonly movieStart: number }): Uint8Array {
    const [first] = this.#descriptions;
    const isVideo = this.kind === 'video';
    const [width, height] = first?.kind === 'video' ? [first.width, first.height] : [0, 0];
    const delay = Math.max(0, Math.round((this.startSeconds - movieStart) * MOVIE_TIMESCALE));
    const shown = Math.round((this.seconds - this.#firstComposition / this.timescale) * MOVIE_TIMESCALE);
    const header = fullBox('tkhd', 1, 3, zeros(16), u32(id, 0), u64(delay + shown), zeros(8), u16(0, 0, isVideo ? 0 : 0x100, 0), MATRIX, u32(width * 0x1_0000, height * 0x1_0000));
    const mediaHeader = fullBox('mdhd', 1, 0, zeros(16), u32(this.timescale), u64(this.#ticks + this.#lastDuration), u16(LANGUAGE_UNDETERMINED, 0));
    const handler = fullBox('hdlr', 0, 0, u32(0), ascii(isVideo ? 'vide' : 'soun'), zeros(12), u8(0));
    const typeHeader = isVideo ? fullBox('vmhd', 0, 1, zeros(8)) : fullBox('smhd', 0, 0, zeros(4));
    const dataInfo = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)));
    return box('trak', header, box('edts', this.#edits(delay, shown)), box('mdia', mediaHeader, handler, box('minf', typeHeader, dataInfo, this.#tables(mediaAt))));
  }

  #edits(delay: number, shown: number): Uint8Array {
    const media = [u64(shown), u64(this.#firstComposition), u16(1, 0)];
    if (delay === 0) return fullBox('elst', 1, 0, u32(1), ...media);
    return fullBox('elst', 1, 0, u32(2), u64(delay), u32(0xffff_ffff, 0xffff_ffff), u16(1, 0), ...media);
  }

  #tables(mediaAt: number): Uint8Array {
    const entries = this.#descriptions.map((track) => sampleEntry(track) ?? new Uint8Array());
    const offsets = new Uint8Array(this.#offsets.length * 8);
    const view = new DataView(offsets.buffer);
    for (const [i, offset] of this.#offsets.entries()) view.setBigUint64(i * 8, BigInt(mediaAt + offset));
    const durations = this.#durationsToTheEnd();
    return box(
      'stbl',
      fullBox('stsd', 0, 0, u32(entries.length), ...entries),
      fullBox('stts', 0, 0, u32(durations.length / 8), durations),
      ...(this.#isComposed ? [fullBox('ctts', 1, 0, u32(this.#compositions.length / 2), this.#compositions.bytes())] : []),
      ...(this.#syncs.length < this.sampleCount ? [fullBox('stss', 0, 0, u32(this.#syncs.length), this.#syncs.bytes())] : []),
      fullBox('stsc', 0, 0, u32(this.#chunkRuns.length / 3), this.#chunkRuns.bytes()),
      fullBox('stsz', 0, 0, u32(0, this.sampleCount), this.#sizes.bytes()),
      fullBox('co64', 0, 0, u32(this.#offsets.length), offsets),
    );
  }

  #addSample({ dts, duration, bytes, composition, key }: MovieSample): void {
    // Times of another timescale were rounded, and stretches were put together: they still go forward.
    const at = this.#firstDts === undefined ? dts : Math.max(dts, this.#lastDts + 1);
    if (this.#firstDts === undefined) {
      this.#firstDts = at;
      this.#firstComposition = composition;
    } else {
      this.#ticks += at - this.#lastDts;
      addToRuns(this.#durations, at - this.#lastDts);
    }
    this.#lastDts = at;
    this.#lastDuration = duration;
    addToRuns(this.#compositions, composition);
    this.#isComposed ||= composition !== 0;
    this.#sizes.push(bytes);
    if (key) this.#syncs.push(this.sampleCount);
  }

  #durationsToTheEnd(): Uint8Array {
    if (this.sampleCount === 0) return new Uint8Array();
    const last = u32(1, this.#lastDuration);
    const before = this.#durations.bytes();
    const out = new Uint8Array(before.length + last.length);
    out.set(before);
    out.set(last, before.length);
    return out;
  }

  #describe(track: Track): number {
    const known = this.#descriptions.findIndex((other) => isSameDescription(other, track));
    return known < 0 ? this.#descriptions.push(track) : known + 1;
  }
}

/** The bytes in front of the media: `ftyp`, `moov` and the header of `mdat`. */
export function writeMovieHead(tracks: readonly MovieTrack[], mediaBytes: number): Uint8Array {
  const ftyp = box('ftyp', ascii('isom'), u32(0x200), ascii('isomiso6mp41'));
  // Offsets have a fixed width, so a header for media at 0 is as long as the right one.
  const length = ftyp.length + movie(tracks, 0).length + 16;
  const moov = movie(tracks, length);
  const out = new Uint8Array(length);
  out.set(ftyp);
  out.set(moov, ftyp.length);
  out.set(u32(1), length - 16);
  out.set(ascii('mdat'), length - 12);
  out.set(u64(16 + mediaBytes), length - 8);
  return out;
}

function movie(tracks: readonly MovieTrack[], mediaAt: number): Uint8Array {
  const movieStart = Math.min(...tracks.map(({ startSeconds }) => startSeconds));
  const seconds = Math.max(0, ...tracks.map((track) => track.startSeconds - movieStart + track.seconds));
  const header = fullBox(
    'mvhd',
    1,
    0,
    zeros(16),
    u32(MOVIE_TIMESCALE),
    u64(Math.round(seconds * MOVIE_TIMESCALE)),
    u32(0x1_0000),
    u16(0x100, 0),
    zeros(8),
    MATRIX,
    zeros(24),
    u32(tracks.length + 1),
  );
  return box('moov', header, ...tracks.map((track, i) => track.write({ id: i + 1, mediaAt, movieStart })));
}

function addToRuns(runs: Words, value: number): void {
  const last = runs.length - 2;
  // Compared as it is stored: a negative number is kept in two's complement.
  if (last >= 0 && runs.at(last + 1) === value >>> 0) runs.set(last, runs.at(last) + 1);
  else runs.push(1, value);
}

function isSameDescription(a: Track, b: Track): boolean {
  return a.codec === b.codec && a.config.length === b.config.length && a.config.every((byte, i) => byte === b.config[i]);
}

function u64(value: number): Uint8Array {
  return u32(Math.floor(value / 2 ** 32), value >>> 0);
}
