/** The shape of pixels, which are not square in pictures from DVDs, DV cameras and some capture cards. */
import { type Frame, Rational } from 'node-av/lib';

/** What fits into the parameter sets of H.264. */
const MOST = 0xffff;

/** Of a picture that is scaled to this size, so that it is shown in the same shape as before. Undefined: square, or not told. */
export function pixelShapeAt(frame: Frame, { width, height }: { readonly width: number; readonly height: number }): Rational | undefined {
  const { num, den } = frame.sampleAspectRatio;
  if (num <= 0 || den <= 0 || num === den) return undefined;
  const across = num * frame.width * height;
  const down = den * frame.height * width;
  const divisor = Math.max(greatestCommonDivisor(across, down), across / MOST, down / MOST);
  return new Rational(Math.max(1, Math.round(across / divisor)), Math.max(1, Math.round(down / divisor)));
}

function greatestCommonDivisor(a: number, b: number): number {
  let [large, small] = [a, b];
  while (small > 0) [large, small] = [small, large % small];
  return large;
}
