/** One decoded picture as a JPEG: scaled to fit, in the colours that JPEG knows, and encoded. */
import {
  AV_CODEC_FLAG_QSCALE,
  AV_CODEC_ID_MJPEG,
  AV_OPT_TYPE_STRING,
  AV_PIX_FMT_YUV420P,
  AVCOL_RANGE_JPEG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_BT2020_CL,
  AVCOL_SPC_BT2020_NCL,
  AVCOL_SPC_SMPTE240M,
  FF_QP2LAMBDA,
} from 'node-av/constants';
import { Codec, CodecContext, type Frame, Packet, Rational } from 'node-av/lib';
import { FilterChain, type FilterSpec } from './filter-chain.ts';
import { coloursOf } from './h264-encoder.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The quantizer, from 2 to 31: at this one single pictures of 640 pixels take some 30 kB. */
const QUANTIZER = 5;

/** The matrices that are not the one of JPEG: what the scaler calls them, and what the filter that leaves them. */
const MATRICES: ReadonlyMap<number, { readonly scale: string; readonly colorspace: string }> = new Map([
  [AVCOL_SPC_BT709, { scale: 'bt709', colorspace: 'bt709' }],
  [AVCOL_SPC_SMPTE240M, { scale: 'smpte240m', colorspace: 'smpte240m' }],
  [AVCOL_SPC_BT2020_NCL, { scale: 'bt2020', colorspace: 'bt2020nc' }],
  [AVCOL_SPC_BT2020_CL, { scale: 'bt2020', colorspace: 'bt2020nc' }],
]);

/** What a change of the matrix leaves as it is. */
const SAME_LIGHT = 'iprimaries=bt709:primaries=bt709:itrc=bt709:trc=bt709';

/** The largest size of this shape that is in the box and not above the picture’s own; both sides are even. */
export function fitted(shape: Size, box: Size): Size {
  const scale = Math.min(1, box.width / shape.width, box.height / shape.height);
  return { width: even(shape.width * scale), height: even(shape.height * scale) };
}

/** As it is shown: the pixels of some are not square. */
export function shapeOf(frame: Frame): Size {
  const { num, den } = frame.sampleAspectRatio;
  const isTold = num > 0 && den > 0;
  return { width: frame.width * (isTold ? num / den : 1), height: frame.height };
}

/** Scales pictures of any format to one size, in full range and the matrix that JPEG has. Filters cost more to set up than to pass: they stay while pictures are alike. */
export class JpegScaler {
  #chain: FilterChain | undefined;
  #of = '';

  /** Throws when that cannot be done. */
  scale(frame: Frame, { width, height }: Size, into: Frame): void {
    const matrix = MATRICES.get(coloursOf(frame).space);
    const range = frame.colorRange === AVCOL_RANGE_JPEG ? 'pc' : 'tv';
    const input = `video_size=${frame.width}x${frame.height}:pix_fmt=${frame.format}:time_base=1/1000:colorspace=${frame.colorSpace}:range=${frame.colorRange}`;
    const of = `${input} ${width}:${height} ${matrix?.scale} ${range}`;
    if (this.#of !== of) {
      this.close();
      const toSize = `${width}:${height}:flags=area:in_range=${range}`;
      const scaled: FilterSpec[] = matrix
        ? [
            ['scale', `${toSize}:out_range=${range}:in_color_matrix=${matrix.scale}:out_color_matrix=${matrix.scale}`],
            ['format', 'pix_fmts=yuv420p'],
            // The scaler would go through RGB, at the size that is the larger: three times what scaling takes.
            ['colorspace', `ispace=${matrix.colorspace}:irange=${range}:space=smpte170m:range=pc:${SAME_LIGHT}:fast=1`],
          ]
        : [['scale', `${toSize}:out_range=pc:in_color_matrix=bt601:out_color_matrix=bt601`]];
      this.#chain = new FilterChain(input, [...scaled, ['format', 'pix_fmts=yuv420p']]);
      this.#of = of;
    }
    if (!this.#chain?.pass(frame, into)) throw new Error(`nothing came of a picture of ${frame.width}×${frame.height}`);
  }

  close(): void {
    this.#chain?.close();
    this.#chain = undefined;
    this.#of = '';
  }
}

/**
 * A picture that was scaled for it. Throws when the encoder refuses.
 * @param tables of the codes: its own, which take a sixth fewer bytes, or those that all pictures have in common.
 */
export function encodeJpeg(picture: Frame, tables: 'own' | 'common'): Uint8Array {
  const encoder = Codec.findEncoder(AV_CODEC_ID_MJPEG);
  if (!encoder) throw new Error('there is no encoder for JPEG');
  const context = new CodecContext();
  const packet = new Packet();
  context.allocContext3(encoder);
  packet.alloc();
  try {
    context.width = picture.width;
    context.height = picture.height;
    context.pixelFormat = AV_PIX_FMT_YUV420P;
    context.colorRange = AVCOL_RANGE_JPEG;
    context.timeBase = new Rational(1, 1);
    context.threadCount = 1;
    context.setFlags(AV_CODEC_FLAG_QSCALE);
    context.globalQuality = QUANTIZER * FF_QP2LAMBDA;
    context.setOption('huffman', tables === 'own' ? 'optimal' : 'default', AV_OPT_TYPE_STRING);
    const opened = context.open2Sync(encoder, null);
    if (opened < 0) throw new Error(`the encoder of JPEG refuses ${picture.width}×${picture.height} (${opened})`);
    picture.colorRange = AVCOL_RANGE_JPEG;
    picture.quality = QUANTIZER * FF_QP2LAMBDA;
    picture.pts = 0n;
    const sent = context.sendFrameSync(picture);
    const received = sent < 0 ? sent : context.receivePacketSync(packet);
    if (received < 0 || !packet.data) throw new Error(`the encoder of JPEG refuses a picture (${received})`);
    return new Uint8Array(packet.data);
  } finally {
    packet.free();
    context.freeContext();
  }
}

function even(length: number): number {
  return Math.max(2, Math.round(length / 2) * 2);
}
