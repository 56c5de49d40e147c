/** The elementary stream descriptor of AAC and MP3 (ISO/IEC 14496-1 §7.2.6, 14496-14 §5.6). */
import { fullBox, u8, u16, u32 } from './box.ts';

const ES_DESCRIPTOR = 3;
const DECODER_CONFIG = 4;
const DECODER_SPECIFIC_INFO = 5;
const SL_CONFIG = 6;

/** Audio stream, upStream 0, reserved 1. */
const AUDIO_STREAM = 0x15;

/** @param specificInfo AudioSpecificConfig; empty where the codec has none. */
export function esds(objectType: number, specificInfo: Uint8Array): Uint8Array {
  const specific = specificInfo.length > 0 ? descriptor(DECODER_SPECIFIC_INFO, specificInfo) : new Uint8Array();
  const decoder = descriptor(DECODER_CONFIG, u8(objectType, AUDIO_STREAM, 0, 0, 0), u32(0, 0), specific);
  return fullBox('esds', 0, 0, descriptor(ES_DESCRIPTOR, u16(1), u8(0), decoder, descriptor(SL_CONFIG, u8(2))));
}

/** Sizes are written in the four-byte form, which every reader takes. */
function descriptor(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const piece of content) size += piece.length;
  const out = new Uint8Array(5 + size);
  out.set(u8(tag, 0x80 | ((size >> 21) & 0x7f), 0x80 | ((size >> 14) & 0x7f), 0x80 | ((size >> 7) & 0x7f), size & 0x7f));
  let at = 5;
  for (const piece of content) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}
