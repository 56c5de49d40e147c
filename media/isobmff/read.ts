/** Reads boxes back: fragments and headers made here or by encoders. Never reads past the end and never recurses deeper than the format does. */

/** One box, its content a view on the file. */
export interface Box {
  readonly type: string;
  readonly content: Uint8Array;
}

/** A sample of a fragment, times in the track's timescale. */
export interface Sample {
  readonly dts: number;
  readonly pts: number;
  readonly duration: number;
  readonly key: boolean;
  readonly data: Uint8Array;
}

/** The file is not made as ISO/IEC 14496-12 says. */
export class BoxError extends Error {
  override readonly name = 'BoxError';
}

const CONTAINERS = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl', 'mvex', 'moof', 'traf', 'dinf']);

/** The boxes side by side in `bytes`. Throws BoxError when one does not fit. */
export function readBoxes(bytes: Uint8Array): Box[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const boxes: Box[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < 8) throw new BoxError(`${bytes.length - at} bytes left at ${at}, a box has at least 8`);
    let size = view.getUint32(at);
    let header = 8;
    if (size === 1) {
      if (bytes.length - at < 16) throw new BoxError(`large box at ${at} is cut off`);
      size = Number(view.getBigUint64(at + 8));
      header = 16;
    } else if (size === 0) size = bytes.length - at;
    if (size < header || at + size > bytes.length) throw new BoxError(`box of ${size} bytes at ${at} in ${bytes.length} bytes`);
    boxes.push({ type: String.fromCharCode(...bytes.subarray(at + 4, at + 8)), content: bytes.subarray(at + header, at + size) });
    at += size;
  }
  return boxes;
}

/** The first box at a path such as `moov/trak/mdia/mdhd`; only plain containers are opened. */
export function findBox(bytes: Uint8Array, path: string): Uint8Array | undefined {
  let current: Uint8Array | undefined = bytes;
  const names = path.split('/');
  for (const [i, name] of names.entries()) {
    if (!current) return undefined;
    current = readBoxes(current).find((box) => box.type === name)?.content;
    if (i < names.length - 1 && !CONTAINERS.has(name)) return undefined;
  }
  return current;
}

/** Every sample of every fragment in `bytes` (of a file with one track), in file order. */
export function readSamples(bytes: Uint8Array): Sample[] {
  const samples: Sample[] = [];
  let at = 0;
  for (const box of readBoxes(bytes)) {
    const start = box.content.byteOffset - bytes.byteOffset - 8;
    at = start;
    if (box.type !== 'moof') continue;
    for (const traf of readBoxes(box.content).filter((child) => child.type === 'traf')) readTrackFragment(traf.content, bytes.subarray(at), samples);
  }
  return samples;
}

function readTrackFragment(traf: Uint8Array, fromMoof: Uint8Array, samples: Sample[]): void {
  const defaults = { duration: 0, size: 0, flags: 0 };
  let dts = 0;
  for (const { type, content } of readBoxes(traf)) {
    const words = new Words(content);
    if (type === 'tfhd') {
      const flags = words.next() & 0xff_ffff;
      words.next();
      if (flags & 0x1) words.skip(8);
      if (flags & 0x2) words.next();
      if (flags & 0x8) defaults.duration = words.next();
      if (flags & 0x10) defaults.size = words.next();
      if (flags & 0x20) defaults.flags = words.next();
    } else if (type === 'tfdt') {
      dts = words.next() >>> 24 === 1 ? words.next() * 2 ** 32 + words.next() : words.next();
    } else if (type === 'trun') {
      dts = readRun(words, defaults, dts, fromMoof, samples);
    }
  }
}

function readRun(words: Words, defaults: { duration: number; size: number; flags: number }, base: number, fromMoof: Uint8Array, samples: Sample[]): number {
  const flags = words.next() & 0xff_ffff;
  const count = words.next();
  let offset = flags & 0x1 ? words.next() : 0;
  let sampleFlags = flags & 0x4 ? words.next() : defaults.flags;
  let dts = base;
  // A sample of no bytes and no fields costs nothing to claim: the count alone proves nothing.
  if (count > fromMoof.length) throw new BoxError(`trun of ${count} samples in ${fromMoof.length} bytes`);
  for (let i = 0; i < count; i++) {
    const duration = flags & 0x100 ? words.next() : defaults.duration;
    const size = flags & 0x200 ? words.next() : defaults.size;
    if (flags & 0x400) sampleFlags = words.next();
    else if (i > 0) sampleFlags = defaults.flags;
    const composition = flags & 0x800 ? words.next() | 0 : 0;
    if (offset + size > fromMoof.length) throw new BoxError(`sample of ${size} bytes at ${offset} in ${fromMoof.length} bytes`);
    samples.push({ dts, pts: dts + composition, duration, key: (sampleFlags & 0x1_0000) === 0, data: fromMoof.subarray(offset, offset + size) });
    offset += size;
    dts += duration;
  }
  return dts;
}

class Words {
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  next(): number {
    if (this.#at + 4 > this.#view.byteLength) throw new BoxError(`field at ${this.#at} of a box of ${this.#view.byteLength} bytes`);
    const value = this.#view.getUint32(this.#at);
    this.#at += 4;
    return value;
  }

  skip(count: number): void {
    this.#at += count;
  }
}
