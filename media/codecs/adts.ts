/** AAC as broadcasting carries it: each frame behind a header that says how to decode it. Source: ISO/IEC 14496-3 §1.A.3.2. */
import { ProtocolError } from '../protocol-error.ts';

const HEADER_BYTES = 7;
const CRC_BYTES = 2;

export interface AdtsFrame {
  /** AudioSpecificConfig. */
  readonly config: Uint8Array;
  readonly data: Uint8Array;
}

/** Whether these bytes begin as a frame of ADTS does. */
export function isAdts(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER_BYTES && bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xf6) === 0xf0;
}

/** The frames that lie one behind the other. Throws ProtocolError. */
export function readAdts(bytes: Uint8Array): AdtsFrame[] {
  const frames: AdtsFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const header = bytes.subarray(at, at + HEADER_BYTES);
    if (!isAdts(header)) throw new ProtocolError(`there is no ADTS header at ${at}`);
    const [, second = 0, third = 0, fourth = 0, fifth = 0, sixth = 0, seventh = 0] = header;
    const length = ((fourth & 3) << 11) | (fifth << 3) | (sixth >> 5);
    const head = HEADER_BYTES + ((second & 1) === 0 ? CRC_BYTES : 0);
    if (length < head || at + length > bytes.length) throw new ProtocolError(`ADTS frame of ${length} bytes does not fit into ${bytes.length - at}`);
    if ((seventh & 3) !== 0) throw new ProtocolError('ADTS frame of several blocks is not taken');
    const objectType = (third >> 6) + 1;
    const rateIndex = (third >> 2) & 0xf;
    const channels = ((third & 1) << 2) | (fourth >> 6);
    frames.push({ config: Uint8Array.of((objectType << 3) | (rateIndex >> 1), ((rateIndex & 1) << 7) | (channels << 3)), data: bytes.subarray(at + head, at + length) });
    at += length;
  }
  return frames;
}
