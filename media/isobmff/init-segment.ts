/** The CMAF header of one track: everything a player needs before the first chunk. */
import type { Track } from '../track.ts';
import { ascii, box, fullBox, u8, u16, u32, zeros } from './box.ts';
import { sampleEntry } from './sample-entry.ts';

/** Each rendition is a file with one track. */
export const TRACK_ID = 1;

/** `und`, packed as three letters of five bits. */
const LANGUAGE_UNDETERMINED = 0x55c4;

const MATRIX = u32(0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000);

/** ftyp and moov. Undefined for a codec that CMAF has no sample entry for. */
export function writeInitSegment(track: Track): Uint8Array | undefined {
  const entry = sampleEntry(track);
  if (!entry) return undefined;
  const ftyp = box('ftyp', ascii('iso6'), u32(0), ascii('iso6cmfcdash'));
  const moov = box('moov', movieHeader(track.timescale), trak(track, entry), box('mvex', fullBox('trex', 0, 0, u32(TRACK_ID, 1, 0, 0, 0))));
  const out = new Uint8Array(ftyp.length + moov.length);
  out.set(ftyp);
  out.set(moov, ftyp.length);
  return out;
}

function movieHeader(timescale: number): Uint8Array {
  return fullBox('mvhd', 0, 0, u32(0, 0, timescale, 0, 0x1_0000), u16(0x100, 0), zeros(8), MATRIX, zeros(24), u32(TRACK_ID + 1));
}

function trak(track: Track, entry: Uint8Array): Uint8Array {
  const isVideo = track.kind === 'video';
  const [width, height] = isVideo ? [track.width, track.height] : [0, 0];
  // Flags 3: enabled and in the movie.
  const header = fullBox('tkhd', 0, 3, u32(0, 0, TRACK_ID, 0, 0), zeros(8), u16(0, 0, isVideo ? 0 : 0x100, 0), MATRIX, u32(width * 0x1_0000, height * 0x1_0000));
  const mediaHeader = fullBox('mdhd', 0, 0, u32(0, 0, track.timescale, 0), u16(LANGUAGE_UNDETERMINED, 0));
  const handler = fullBox('hdlr', 0, 0, u32(0), ascii(isVideo ? 'vide' : 'soun'), zeros(12), u8(0));
  const typeHeader = isVideo ? fullBox('vmhd', 0, 1, zeros(8)) : fullBox('smhd', 0, 0, zeros(4));
  // Flags 1: the media is in this file.
  const dataInfo = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)));
  const tables = box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), entry),
    fullBox('stts', 0, 0, u32(0)),
    fullBox('stsc', 0, 0, u32(0)),
    fullBox('stsz', 0, 0, u32(0, 0)),
    fullBox('stco', 0, 0, u32(0)),
  );
  return box('trak', header, box('mdia', mediaHeader, handler, box('minf', typeHeader, dataInfo, tables)));
}
