/** VP8 frames from RTP payloads. Source: RFC 7741 §4.2. */
import { concat } from '../big-endian.ts';
import { readVp8KeyFrame, VP8_CODEC_STRING, writeVp8C } from '../codecs/vp8.ts';
import type { FrameBuilder, VideoFormat } from './depacketizer.ts';

export class Vp8Builder implements FrameBuilder {
  #pieces: Uint8Array[] = [];
  #format: VideoFormat | undefined;

  get format(): VideoFormat | undefined {
    return this.#format;
  }

  /** S and partition 0. */
  begins(payload: Uint8Array): boolean {
    return ((payload[0] ?? 0) & 0x17) === 0x10;
  }

  add(payload: Uint8Array): boolean {
    const at = descriptorBytes(payload);
    if (at >= payload.length || this.begins(payload) !== (this.#pieces.length === 0)) return false;
    this.#pieces.push(payload.subarray(at));
    return true;
  }

  finish(): { readonly data: Uint8Array; readonly key: boolean } | 'nothing' | 'damaged' {
    const data = concat(...this.#pieces);
    this.reset();
    if (data.length === 0) return 'damaged';
    const size = readVp8KeyFrame(data);
    if (size && (size.width !== this.#format?.width || size.height !== this.#format.height)) {
      this.#format = { codec: 'vp8', config: writeVp8C(size), codecString: VP8_CODEC_STRING, ...size };
    }
    return this.#format ? { data, key: size !== undefined } : 'nothing';
  }

  reset(): void {
    this.#pieces = [];
  }
}

/** X, then I, L, T and K say what follows. */
function descriptorBytes(payload: Uint8Array): number {
  const [first = 0, extension = 0, id = 0] = payload;
  if ((first & 0x80) === 0) return 1;
  let at = 2;
  if (extension & 0x80) at += id & 0x80 ? 2 : 1;
  if (extension & 0x40) at++;
  if (extension & 0x30) at++;
  return at;
}
