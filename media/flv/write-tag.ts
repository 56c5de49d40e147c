/**
 * Writes the bodies of FLV tags, the payloads of RTMP messages: H.264, AAC and MP3 as FLV always had them, HEVC, AV1 and VP9 as enhanced tags.
 * Sources: Adobe FLV 10.1 §E.4.2, §E.4.3, Veovera Enhanced RTMP v2.
 */
import { concat, putU24 } from '../big-endian.ts';
import type { AudioTrack, Track, VideoTrack } from '../track.ts';

const KEY_FRAME = 1;
const INTER_FRAME = 2;

const AVC = 7;

/** AAC and MP3; 44 kHz, 16 bits, stereo, which is what these bits say for whatever is really sent. */
const AAC_HEAD = 0xaf;
const MP3_HEAD = 0x2f;

const SEQUENCE_START = 0;
const CODED_FRAMES = 1;
const CODED_FRAMES_X = 3;

const ENHANCED = 0x80;

const FOUR_CC: Readonly<Partial<Record<Track['codec'], string>>> = { hevc: 'hvc1', av1: 'av01', vp9: 'vp09' };

/** Whether RTMP carries this track as it is. */
export function flvCarries({ codec }: Pick<Track, 'codec'>): boolean {
  return codec === 'h264' || codec === 'aac' || codec === 'mp3' || FOUR_CC[codec] !== undefined;
}

/** What stands for the codec in onMetaData: the number of old FLV, or the FourCC as one. */
export function flvCodecId({ codec }: Pick<Track, 'codec'>): number {
  if (codec === 'h264') return AVC;
  if (codec === 'aac') return AAC_HEAD >> 4;
  if (codec === 'mp3') return MP3_HEAD >> 4;
  return [...(FOUR_CC[codec] ?? '')].reduce((value, character) => value * 256 + character.charCodeAt(0), 0);
}

/** The tag that configures the decoder; undefined where none is needed. */
export function configTag(track: Track): Uint8Array | undefined {
  if (track.kind === 'audio') return track.codec === 'aac' ? concat(Uint8Array.of(AAC_HEAD, 0), track.config) : undefined;
  if (track.codec === 'h264') return concat(Uint8Array.of((KEY_FRAME << 4) | AVC, 0, 0, 0, 0), track.config);
  return concat(enhancedHead(track, true, SEQUENCE_START), track.config);
}

/**
 * The tag of a frame.
 * @param compositionTimeMs pts − dts.
 */
export function videoTag(track: VideoTrack, frame: { readonly key: boolean; readonly data: Uint8Array }, compositionTimeMs: number): Uint8Array {
  const offset = new Uint8Array(3);
  putU24(offset, 0, compositionTimeMs & 0xffffff);
  if (track.codec === 'h264') return concat(Uint8Array.of(((frame.key ? KEY_FRAME : INTER_FRAME) << 4) | AVC, 1), offset, frame.data);
  if (track.codec === 'hevc' && compositionTimeMs !== 0) return concat(enhancedHead(track, frame.key, CODED_FRAMES), offset, frame.data);
  return concat(enhancedHead(track, frame.key, track.codec === 'hevc' ? CODED_FRAMES_X : CODED_FRAMES), frame.data);
}

/** The tag of a frame of sound. */
export function audioTag({ codec }: AudioTrack, data: Uint8Array): Uint8Array {
  return codec === 'aac' ? concat(Uint8Array.of(AAC_HEAD, 1), data) : concat(Uint8Array.of(MP3_HEAD), data);
}

function enhancedHead({ codec }: VideoTrack, key: boolean, packetType: number): Uint8Array {
  const fourCc = [...(FOUR_CC[codec] ?? '')].map((character) => character.charCodeAt(0));
  return Uint8Array.of(ENHANCED | ((key ? KEY_FRAME : INTER_FRAME) << 4) | packetType, ...fourCc);
}
