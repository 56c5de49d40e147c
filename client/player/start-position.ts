/** Where playback can begin: decoding needs a key frame, and with long groups of pictures the live edge may lie far behind one. */

/** A part or segment as the playlist lists it, times in seconds of the media element. */
export interface Piece {
  readonly start: number;
  readonly duration: number;
  readonly independent: boolean;
}

/** The start of the last independent piece at or before `wanted`, else of the first one after it; undefined when none is known. */
export function independentStart(pieces: readonly Piece[], wanted: number): number | undefined {
  const starts = pieces.filter((piece) => piece.independent).map((piece) => piece.start);
  // Element times are sums of rounded durations: a piece that begins a frame late still begins here.
  return starts.findLast((start) => start <= wanted + 0.05) ?? starts[0];
}

/** Where to begin loading so that `wanted` can be decoded soon; undefined when the live edge itself will do or nothing better is known. */
export function loadingStart(pieces: readonly Piece[], wanted: number, segmentSeconds: number): number | undefined {
  const found = independentStart(pieces, wanted);
  return found === undefined || Math.abs(wanted - found) <= segmentSeconds ? undefined : found;
}
