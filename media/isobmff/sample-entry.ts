/** The stsd entry of each codec: what a decoder must know before the first sample. */
import type { AudioTrack, Track, VideoTrack } from '../track.ts';
import { ascii, box, u8, u16, u32, zeros } from './box.ts';
import { esds } from './esds.ts';

/** MPEG-4 object type indications, ISO/IEC 14496-1 table 5. */
const OTI_AAC = 0x40;
const OTI_MP3 = 0x6b;

/** The entry, or undefined for a codec that has no place in CMAF. */
export function sampleEntry(track: Track): Uint8Array | undefined {
  return track.kind === 'video' ? videoEntry(track) : audioEntry(track);
}

/** True when the codec can be packaged. */
export function canPackage(track: Track): boolean {
  return track.codec !== 'vp8';
}

function videoEntry(track: VideoTrack): Uint8Array | undefined {
  switch (track.codec) {
    case 'h264':
      return visual('avc1', track, box('avcC', track.config));
    case 'hevc':
      return visual('hvc1', track, box('hvcC', track.config));
    case 'av1':
      return visual('av01', track, box('av1C', track.config));
    case 'vp9':
      return visual('vp09', track, box('vpcC', track.config));
    case 'vp8':
      return undefined;
  }
}

function audioEntry(track: AudioTrack): Uint8Array {
  switch (track.codec) {
    case 'aac':
      return sound('mp4a', track, esds(OTI_AAC, track.config));
    case 'mp3':
      return sound('mp4a', track, esds(OTI_MP3, new Uint8Array()));
    case 'opus':
      return sound('Opus', track, box('dOps', track.config));
    case 'flac':
      return sound('fLaC', track, box('dfLa', flacBlocks(track.config)));
    case 'ac3':
      return sound('ac-3', track, box('dac3', track.config));
    case 'eac3':
      return sound('ec-3', track, box('dec3', track.config));
  }
}

function visual(type: string, track: VideoTrack, config: Uint8Array): Uint8Array {
  return box(
    type,
    zeros(6),
    u16(1), // data_reference_index
    zeros(16),
    u16(track.width, track.height),
    u32(0x0048_0000, 0x0048_0000, 0), // 72 dpi
    u16(1), // frame_count
    zeros(32), // compressorname
    u16(0x18, 0xffff), // depth, pre_defined
    config,
  );
}

function sound(type: string, track: AudioTrack, config: Uint8Array): Uint8Array {
  // The field is 16.16 and cannot hold 96 kHz; zero then says "see the codec's own configuration".
  const rate = track.codec === 'opus' ? 48_000 : track.sampleRate;
  return box(type, zeros(6), u16(1), zeros(8), u16(track.channels, 16), zeros(4), u32(rate > 0xffff ? 0 : rate * 0x1_0000), config);
}

/** dfLa is a FullBox around FLAC metadata blocks; encoders send the blocks with or without it, or behind the `fLaC` marker. */
function flacBlocks(config: Uint8Array): Uint8Array {
  const marker = ascii('fLaC');
  const blocks = marker.every((byte, i) => config[i] === byte) ? config.subarray(4) : config;
  const hasVersion = blocks[0] === 0 && blocks[1] === 0 && blocks[2] === 0 && blocks[3] === 0;
  if (hasVersion) return blocks;
  const out = new Uint8Array(blocks.length + 4);
  out.set(u8(0, 0, 0, 0));
  out.set(blocks, 4);
  return out;
}
