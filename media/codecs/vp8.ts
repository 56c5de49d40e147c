/** VP8: the frame header, and the configuration that its packaging asks for. Sources: RFC 6386 §9.1, VP Codec ISO Media File Format Binding 1.0. */
import { writeVpcC } from './vp9.ts';

export interface Vp8KeyFrame {
  readonly width: number;
  readonly height: number;
}

const START_CODE = [0x9d, 0x01, 0x2a];

/** RFC 6381, by the rules of the binding. */
export const VP8_CODEC_STRING = 'vp08.00.10.08';

/** The header of a key frame, undefined for other frames. */
export function readVp8KeyFrame(frame: Uint8Array): Vp8KeyFrame | undefined {
  const [first = 1, , , , , , widthLow = 0, widthHigh = 0, heightLow = 0, heightHigh = 0] = frame;
  if (frame.length < 10 || (first & 1) !== 0 || START_CODE.some((byte, i) => frame[3 + i] !== byte)) return undefined;
  // The two bits above the size scale the display, which no encoder uses.
  return { width: ((widthHigh & 0x3f) << 8) | widthLow, height: ((heightHigh & 0x3f) << 8) | heightLow };
}

/** vpcC of a VP8 stream. */
export function writeVp8C({ width, height }: Vp8KeyFrame): Uint8Array {
  return writeVpcC({ width, height, profile: 0, bitDepth: 8, chroma: 1, fullRange: false, colorSpace: 0 });
}
