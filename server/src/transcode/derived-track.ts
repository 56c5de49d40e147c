/** Which track of a stream a bridge reads, and what the track that it makes of it looks like. */
import { readAvcC } from '@millrace/media/codecs/h264';
import type { AudioTrack, Track, VideoTrack } from '@millrace/media/track';
import { AUDIO_TIMESCALE, PRIMING_SAMPLES, type VideoFormat } from './job.ts';

/** What somebody needs instead of what the publisher sends. */
export type BridgeWant = { readonly kind: 'audio'; readonly codec: 'opus' | 'aac' } | { readonly kind: 'video'; readonly codec: 'h264'; readonly bFrames: false };

/** Added to the id of the source: ingests count from small numbers. */
const FIRST_ID = 1_000;

/** The track to be bridged: the first of its kind. Undefined when there is none, or when it is what is wanted already. */
export function sourceOf(want: BridgeWant, tracks: readonly Track[]): Track | undefined {
  const source = tracks.find(({ kind }) => kind === want.kind);
  // Whether H.264 has B-frames is seen by whoever asks; of sound the codec tells all.
  return source?.kind === 'audio' && source.codec === want.codec ? undefined : source;
}

/** At most two: neither WebRTC nor phones do more. */
export function bridgedChannels(source: AudioTrack): 1 | 2 {
  return source.channels === 1 ? 1 : 2;
}

/** The sound that a bridge makes of this, known before it has made any. */
export function bridgedAudio(source: AudioTrack, codec: 'opus' | 'aac'): AudioTrack {
  const channels = bridgedChannels(source);
  return {
    id: FIRST_ID + source.id,
    kind: 'audio',
    codec,
    timescale: AUDIO_TIMESCALE,
    config: codec === 'opus' ? dOps(channels) : audioSpecificConfig(channels),
    codecString: codec === 'opus' ? 'opus' : 'mp4a.40.2',
    sampleRate: AUDIO_TIMESCALE,
    channels,
  };
}

/** The pictures that a bridge makes of this. Throws ProtocolError when the configuration is none. */
export function bridgedVideo(source: VideoTrack, { width, height, config }: VideoFormat): VideoTrack {
  return { id: FIRST_ID + source.id, kind: 'video', codec: 'h264', timescale: source.timescale, config, codecString: readAvcC(config).codecString, width, height };
}

/** Bits a second that H.264 may take for a picture of this size when its source tells no rate: a tenth of a bit a pixel at 30 fps. */
const BITS_PER_PIXEL = 3;
const LEAST_BITS_PER_SECOND = 400_000;
const MOST_BITS_PER_SECOND = 12_000_000;

/** How much more plain H.264 needs for the same picture. */
const EXPANSION: Readonly<Record<VideoTrack['codec'], number>> = { h264: 1.25, vp8: 1.1, vp9: 1.6, hevc: 1.8, av1: 2 };

/** What the encoder may use, from what the source uses. Undefined: nothing was measured. */
export function bridgedBitsPerSecond({ codec, width, height }: VideoTrack, sourceBitsPerSecond: number | undefined): number {
  const bySize = Math.max(width * height, 640 * 360) * BITS_PER_PIXEL;
  const wanted = sourceBitsPerSecond ? sourceBitsPerSecond * EXPANSION[codec] : bySize;
  return Math.round(Math.min(MOST_BITS_PER_SECOND, Math.max(LEAST_BITS_PER_SECOND, wanted)));
}

/** Opus in ISOBMFF §4.3.2: version 0, one stream, 48 kHz. */
function dOps(channels: number): Uint8Array {
  return Uint8Array.of(0, channels, PRIMING_SAMPLES.opus >> 8, PRIMING_SAMPLES.opus & 0xff, 0, 0, 0xbb, 0x80, 0, 0, 0);
}

/** ISO/IEC 14496-3 §1.6.2.1: AAC-LC (2) at 48 kHz (3). */
function audioSpecificConfig(channels: number): Uint8Array {
  return Uint8Array.of(0x11, 0x80 | (channels << 3));
}
