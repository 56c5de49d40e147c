/** Where playback can begin: decoding needs a key frame, and with long groups of pictures the live edge may lie far behind one. */

/** A part or segment as the playlist lists it, times in seconds of the media element. */
export interface Piece {
  readonly start: number;
  readonly duration: number;
  readonly independent: boolean;
}

/**
 * The start of the last independent piece at or before `wanted`; else the first one after it; undefined when no piece says that
 * it is independent, and the player's own choice is as good as any.
 */
export function independentStart(pieces: readonly Piece[], wanted: number): number | undefined {
  const starts = pieces.filter((piece) => piece.independent).map((piece) => piece.start);
  // Element times are sums of rounded durations: a piece that begins a frame late still begins here.
  return starts.findLast((start) => start <= wanted + 0.05) ?? starts[0];
}

/** True when the piece that holds `wanted`, or one before it in the same segment, can be decoded from: no move is needed. */
export function startsNear(found: number | undefined, wanted: number, segmentSeconds: number): boolean {
  return found === undefined || Math.abs(wanted - found) <= segmentSeconds;
}
