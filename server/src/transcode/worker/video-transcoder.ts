/**
 * Pictures of any codec to H.264 without B-frames, each out as soon as it is in. The picture keeps its size; one that shrinks for a
 * while, as browsers do when the network is slow, is scaled back up, so that players see one format.
 */
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_OPT_SEARCH_CHILDREN,
  AV_OPT_TYPE_STRING,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  FF_ENCODER_LIBX264,
} from 'node-av/constants';
import { Codec, CodecContext, Frame, Packet, Rational } from 'node-av/lib';
import type { VideoJob } from '../job.ts';
import type { WireUnit } from '../wire.ts';
import { avcCOf, sampleOf } from './avcc.ts';
import { Decoder } from './decoder.ts';
import { FilterChain } from './filter-chain.ts';
import { pixelShapeAt } from './pixel-shape.ts';
import type { Transcoder, TranscoderOutput } from './transcoder.ts';

/** At the latest: HLS segments and viewers who join begin with key frames. */
const KEY_FRAME_SECONDS = 2;

/** Shapes that differ by less are the same one rounded to even sides. */
const SAME_SHAPE = 0.02;

/** Above 720p one core may not keep up. */
const PIXELS_FOR_TWO_THREADS = 1280 * 720;

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Scaler {
  readonly key: string;
  readonly chain: FilterChain;
}

export class VideoTranscoder implements Transcoder {
  readonly #job: VideoJob;
  readonly #output: TranscoderOutput;
  readonly #decoder: Decoder;
  readonly #packet = new Packet();
  readonly #scaled = new Frame();
  #encoder: { readonly context: CodecContext; readonly size: Size } | undefined;
  #scaler: Scaler | undefined;
  #lastPts: number;
  #lastKeyPts: number | undefined;
  #keyWanted = false;

  constructor(job: VideoJob, output: TranscoderOutput) {
    this.#job = job;
    this.#output = output;
    this.#decoder = new Decoder(job.source);
    this.#lastPts = job.resume?.lastPts ?? -1;
    this.#packet.alloc();
    this.#scaled.alloc();
  }

  unit(unit: WireUnit): void {
    this.#decoder.decode(unit, (frame) => this.#take(frame));
  }

  requestKeyFrame(): void {
    this.#keyWanted = true;
  }

  close(): void {
    this.#decoder.close();
    this.#scaler?.chain.close();
    this.#packet.free();
    this.#scaled.free();
    this.#encoder?.context.freeContext();
  }

  #take(frame: Frame): void {
    const pts = Number(frame.pts);
    // Before the resume point it only had to be decoded; a decoder that learns of B-frames late may repeat a time.
    if (pts <= this.#lastPts || frame.width < 2 || frame.height < 2) return;
    this.#lastPts = pts;
    const size = this.#sizeFor(frame);
    if (!this.#encoder || this.#encoder.size.width !== size.width || this.#encoder.size.height !== size.height) this.#openEncoder(frame, size);
    const picture = frame.format === AV_PIX_FMT_YUV420P && frame.width === size.width && frame.height === size.height ? frame : this.#scale(frame, size);
    if (!picture) return;
    const isKey = this.#keyWanted || this.#lastKeyPts === undefined || pts - this.#lastKeyPts >= KEY_FRAME_SECONDS * this.#job.source.timescale;
    picture.pts = BigInt(pts);
    picture.pictType = isKey ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    this.#encode(picture);
    this.#scaled.unref();
  }

  /** The size so far, unless the picture has grown or been turned. */
  #sizeFor(frame: Frame): Size {
    const own = { width: frame.width & ~1, height: frame.height & ~1 };
    const size = this.#encoder?.size;
    if (!size) return own;
    const isSameShape = Math.abs((own.width * size.height) / (own.height * size.width) - 1) <= SAME_SHAPE;
    return isSameShape && own.width * own.height <= size.width * size.height ? size : own;
  }

  #scale(frame: Frame, size: Size): Frame | undefined {
    const key = `video_size=${frame.width}x${frame.height}:pix_fmt=${frame.format}:time_base=1/${this.#job.source.timescale}`;
    const target = `${size.width}:${size.height}`;
    if (this.#scaler?.key !== `${key} ${target}`) {
      this.#scaler?.chain.close();
      this.#scaler = {
        key: `${key} ${target}`,
        chain: new FilterChain(key, [
          ['scale', `${target}:flags=bilinear`],
          ['format', 'pix_fmts=yuv420p'],
        ]),
      };
    }
    return this.#scaler.chain.pass(frame, this.#scaled) ? this.#scaled : undefined;
  }

  #openEncoder(frame: Frame, size: Size): void {
    this.#encoder?.context.freeContext();
    const context = openEncoder(this.#job, size, pixelShapeAt(frame, size));
    this.#encoder = { context, size };
    this.#lastKeyPts = undefined;
    const config = context.extraData && avcCOf(context.extraData);
    if (!config) throw new Error('the encoder told no parameter sets');
    this.#output.format({ ...size, config });
  }

  #encode(picture: Frame): void {
    const context = this.#encoder?.context;
    if (!context) return;
    const sent = context.sendFrameSync(picture);
    if (sent < 0) throw new Error(`the encoder refuses a picture (${sent})`);
    const packet = this.#packet;
    while (context.receivePacketSync(packet) >= 0) {
      const pts = Number(packet.pts);
      const data = packet.data && sampleOf(packet.data);
      const key = packet.isKeyframe;
      packet.unref();
      if (key) {
        this.#lastKeyPts = pts;
        this.#keyWanted = false;
      }
      if (data) this.#output.unit({ dts: pts, pts, key, data });
    }
  }
}

function openEncoder({ source, maxBitsPerSecond }: VideoJob, { width, height }: Size, pixels: Rational | undefined): CodecContext {
  const encoder = Codec.findEncoderByName(FF_ENCODER_LIBX264);
  if (!encoder) throw new Error('there is no encoder for H.264');
  const context = new CodecContext();
  context.allocContext3(encoder);
  context.width = width;
  context.height = height;
  context.pixelFormat = AV_PIX_FMT_YUV420P;
  if (pixels) context.sampleAspectRatio = pixels;
  context.timeBase = new Rational(1, source.timescale);
  context.framerate = new Rational(30, 1);
  context.maxBFrames = 0;
  context.gopSize = 600;
  context.threadCount = width * height > PIXELS_FOR_TWO_THREADS ? 2 : 1;
  context.rcMaxRate = BigInt(maxBitsPerSecond);
  context.rcBufferSize = maxBitsPerSecond;
  context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  // Constrained baseline: the one profile that every browser takes over WebRTC.
  const options = { preset: 'veryfast', tune: 'zerolatency', profile: 'baseline', crf: '23', 'forced-idr': '1', sc_threshold: '0' };
  // A dictionary of options would be freed twice: by the encoder and by the collector.
  for (const [option, value] of Object.entries(options)) context.setOption(option, value, AV_OPT_TYPE_STRING, AV_OPT_SEARCH_CHILDREN);
  const result = context.open2Sync(encoder, null);
  if (result < 0) throw new Error(`x264 refuses ${width}×${height} (${result})`);
  return context;
}
