/** What a track is, in terms every protocol shares. The codec configuration is the ISO box's content, as encoders send it. */

export type VideoCodec = 'h264' | 'hevc' | 'av1' | 'vp9' | 'vp8';
export type AudioCodec = 'aac' | 'opus' | 'mp3' | 'flac' | 'ac3' | 'eac3';

export interface VideoTrack {
  readonly id: number;
  readonly kind: 'video';
  readonly codec: VideoCodec;
  /** Ticks a second of this track's dts and pts. */
  readonly timescale: number;
  /** Content of avcC, hvcC, av1C or vpcC (without the box header; vpcC with its FullBox version and flags). */
  readonly config: Uint8Array;
  /** RFC 6381, e.g. `avc1.64001f`. */
  readonly codecString: string;
  /** Display size in pixels; 0 when the configuration does not tell. */
  readonly width: number;
  readonly height: number;
}

export interface AudioTrack {
  readonly id: number;
  readonly kind: 'audio';
  readonly codec: AudioCodec;
  readonly timescale: number;
  /** AudioSpecificConfig (aac), content of dOps (opus), dfLa, dac3, dec3; empty for mp3. */
  readonly config: Uint8Array;
  /** RFC 6381, e.g. `mp4a.40.2`. */
  readonly codecString: string;
  /** Hertz. */
  readonly sampleRate: number;
  readonly channels: number;
}

export type Track = VideoTrack | AudioTrack;

/** True when units of `a` and `b` can follow each other behind one init segment. */
export function sameFormat(a: Track, b: Track): boolean {
  return a.id === b.id && a.kind === b.kind && a.codec === b.codec && a.timescale === b.timescale && sameBytes(a.config, b.config);
}

/** The order in which a stream has its tracks: pictures before sound, the largest first. */
export function bestFirst(a: Track, b: Track): number {
  return pixelsOf(b) - pixelsOf(a) || a.id - b.id;
}

function pixelsOf(track: Track): number {
  return track.kind === 'video' ? Math.max(1, track.width * track.height) : 0;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
