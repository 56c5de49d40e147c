/** NAL units gathered from payloads, until they become one sample. Shared by H.264 and HEVC. */
import { concat, putU32 } from '../big-endian.ts';

/** A picture has at most some hundreds of slices; a NAL unit of one byte each would be an attack. */
const MAX_NAL_UNITS = 4_096;

/** A NAL unit in the pieces it came in: views of payloads. */
interface Nal {
  readonly pieces: Uint8Array[];
  bytes: number;
}

export class NalPieces {
  #nals: Nal[] = [];
  /** The NAL unit whose fragments are arriving. */
  #open: Nal | undefined;

  /** Adds a whole unit. False when a fragmented one is not ended, or there are too many. */
  whole(nal: Uint8Array): boolean {
    if (this.#open || this.#nals.length >= MAX_NAL_UNITS || nal.length === 0) return false;
    this.#nals.push({ pieces: [nal], bytes: nal.length });
    return true;
  }

  /** Begins a fragmented unit. */
  begin(header: Uint8Array): boolean {
    if (!this.whole(header)) return false;
    this.#open = this.#nals.at(-1);
    return true;
  }

  /** Adds a fragment to the unit begun. */
  fragment(piece: Uint8Array, isLast: boolean): boolean {
    if (!this.#open) return false;
    this.#open.pieces.push(piece);
    this.#open.bytes += piece.length;
    if (isLast) this.#open = undefined;
    return true;
  }

  /** The units gathered, each as one array, and begins anew. Undefined when a fragmented one is not ended. */
  take(): Uint8Array[] | undefined {
    const nals = this.#nals;
    const isWhole = this.#open === undefined;
    this.reset();
    return isWhole ? nals.map(({ pieces }) => (pieces.length === 1 && pieces[0] ? pieces[0] : concat(...pieces))) : undefined;
  }

  reset(): void {
    this.#nals = [];
    this.#open = undefined;
  }
}

/** One sample of NAL units behind lengths of four bytes. */
export function sampleOf(nals: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const nal of nals) length += 4 + nal.length;
  const sample = new Uint8Array(length);
  let at = 0;
  for (const nal of nals) {
    putU32(sample, at, nal.length);
    sample.set(nal, at + 4);
    at += 4 + nal.length;
  }
  return sample;
}

/** True when both hold the same units in the same order. */
export function sameUnits(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((unit, i) => unit.length === b[i]?.length && unit.every((byte, j) => byte === b[i]?.[j]));
}
