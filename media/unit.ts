/** One access unit of a track: the neutral frame that every ingest makes and every output reads. */

export interface Unit {
  /** `id` of its track. */
  readonly track: number;
  /** Decoding and presentation time, unwrapped integer ticks in the track's timescale. pts ≥ dts. */
  readonly dts: number;
  readonly pts: number;
  /** True when decoding can begin here. Always true for audio. */
  readonly key: boolean;
  /**
   * One whole sample as ISO BMFF stores it: length-prefixed NAL units of four bytes each (h264, hevc), a temporal unit of
   * OBUs (av1), a frame (vp8, vp9, aac, opus, mp3). Shared by all readers: never written to.
   */
  readonly data: Uint8Array;
}
