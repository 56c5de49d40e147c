/** What a chunk says of its samples before their bytes: enough to find each of them without reading the media. */
import { BoxError, findBox, readBoxes } from './read.ts';

export interface FragmentHead {
  /** Decoding time of the first sample, in the track's timescale. */
  readonly dts: number;
  /** From the beginning of the chunk to the first sample's bytes; the others follow without a space. */
  readonly dataOffset: number;
  /** Length of the chunk, its media included. */
  readonly bytes: number;
  readonly samples: readonly HeadSample[];
}

export interface HeadSample {
  readonly duration: number;
  readonly bytes: number;
  /** pts - dts. */
  readonly composition: number;
  readonly key: boolean;
}

const NOT_SYNC = 0x1_0000;

/** How much of a chunk has to be there: its moof and the header of its mdat. Undefined: eight bytes are not even that. */
export function headBytes(bytes: Uint8Array): number | undefined {
  if (bytes.length < 8) return undefined;
  return viewOf(bytes).getUint32(0) + 8;
}

/** Of a chunk as `writeChunkHead` makes it: one run of samples that each say their size. Throws BoxError for anything else. */
export function readFragmentHead(bytes: Uint8Array): FragmentHead {
  const length = headBytes(bytes);
  if (length === undefined || length > bytes.length || length < 16) throw new BoxError(`a chunk of ${bytes.length} bytes says that its head has ${length}`);
  const moofBytes = length - 8;
  const [moof] = readBoxes(bytes.subarray(0, moofBytes));
  const mdat = viewOf(bytes.subarray(moofBytes, length));
  if (moof?.type !== 'moof' || mdat.getUint32(4) !== MDAT) throw new BoxError('a chunk is not moof and mdat');
  const tfdt = viewOf(findBox(moof.content, 'traf/tfdt') ?? new Uint8Array());
  const trun = findBox(moof.content, 'traf/trun');
  const tfhd = findBox(moof.content, 'traf/tfhd');
  if (tfdt.byteLength < 12 || tfdt.getUint8(0) !== 1 || !trun || !tfhd) throw new BoxError('a chunk has no tfdt, tfhd or trun of ours');
  const dts = tfdt.getUint32(4) * 2 ** 32 + tfdt.getUint32(8);
  const { dataOffset, samples } = readRun(trun, defaultFlags(tfhd));
  const media = samples.reduce((sum, sample) => sum + sample.bytes, 0);
  const chunkBytes = moofBytes + mdat.getUint32(0);
  if (dataOffset < length || dataOffset + media > chunkBytes) throw new BoxError(`samples of ${media} bytes at ${dataOffset} are not in a chunk of ${chunkBytes}`);
  return { dts, dataOffset, bytes: chunkBytes, samples };
}

function defaultFlags(tfhd: Uint8Array): number {
  const view = viewOf(tfhd);
  // version and flags, track id, default flags: nothing else is written.
  if (tfhd.length < 12 || (view.getUint32(0) & 0x3b) !== 0x20) throw new BoxError('a tfhd is not one of ours');
  return view.getUint32(8);
}

function readRun(trun: Uint8Array, defaults: number): { readonly dataOffset: number; readonly samples: HeadSample[] } {
  const view = viewOf(trun);
  if (trun.length < 12) throw new BoxError(`a trun has ${trun.length} bytes`);
  const flags = view.getUint32(0) & 0xff_ffff;
  if ((flags & 0x305) !== 0x301) throw new BoxError(`a trun has the flags ${flags.toString(16)}`);
  const count = view.getUint32(4);
  const hasFlags = (flags & 0x400) !== 0;
  const hasComposition = (flags & 0x800) !== 0;
  const sampleBytes = 8 + (hasFlags ? 4 : 0) + (hasComposition ? 4 : 0);
  if (12 + count * sampleBytes > trun.length) throw new BoxError(`a trun of ${trun.length} bytes has ${count} samples`);
  const samples: HeadSample[] = [];
  for (let at = 12; samples.length < count; at += sampleBytes) {
    const sampleFlags = hasFlags ? view.getUint32(at + 8) : defaults;
    const composition = hasComposition ? view.getInt32(at + 8 + (hasFlags ? 4 : 0)) : 0;
    samples.push({ duration: view.getUint32(at), bytes: view.getUint32(at + 4), composition, key: (sampleFlags & NOT_SYNC) === 0 });
  }
  return { dataOffset: view.getInt32(8), samples };
}

/** `mdat`. */
const MDAT = 0x6d64_6174;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
