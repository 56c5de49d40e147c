/** One encoder of H.264, open: pictures in memory go in, packets in Annex B come out. Hardware that wants them on its own surfaces gets them there. */
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_OPT_SEARCH_CHILDREN,
  AV_OPT_TYPE_STRING,
  AVCOL_PRI_BT709,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_UNSPECIFIED,
  AVCOL_TRC_BT709,
  type AVCodecFlag,
} from 'node-av/constants';
import { Codec, CodecContext, Frame, type HardwareDeviceContext, type Packet, Rational } from 'node-av/lib';
import { h264Level } from '../h264-level.ts';
import type { TierSize } from '../job.ts';
import { type EncoderKind, SOFTWARE } from './encoder-kinds.ts';
import { Surfaces } from './surfaces.ts';

/** Seconds of bits that a picture may borrow from those before it. */
const BUFFER_SECONDS = 1;

/** A picture this tall without a word on its colours has those of HDTV: players take them so by its size, and would not for its smaller tiers. */
const HD_LINES = 720;

/** Every key frame is asked for. */
const NO_KEY_FRAMES = 100_000;

/** The most by which a slow source may exceed what was meant for each picture. */
const MAX_STRETCH = 8;

/** What the encoder is told of the picture besides its size. */
export interface PictureColours {
  readonly space: Frame['colorSpace'];
  readonly primaries: Frame['colorPrimaries'];
  readonly transfer: Frame['colorTrc'];
}

export function coloursOf(frame: Frame): PictureColours {
  if (frame.colorSpace === AVCOL_SPC_UNSPECIFIED && Math.min(frame.width, frame.height) >= HD_LINES)
    return { space: AVCOL_SPC_BT709, primaries: AVCOL_PRI_BT709, transfer: AVCOL_TRC_BT709 };
  return { space: frame.colorSpace, primaries: frame.colorPrimaries, transfer: frame.colorTrc };
}

export interface EncoderOptions {
  readonly kind: EncoderKind;
  /** Of an encoder with surfaces. */
  readonly device: HardwareDeviceContext | undefined;
  readonly tier: TierSize;
  readonly timescale: number;
  readonly colours: PictureColours | undefined;
  /** The shape of its pixels; undefined: square. */
  readonly pixels: Rational | undefined;
}

export class H264Encoder {
  readonly kind: EncoderKind;
  readonly #tier: TierSize;
  readonly #context = new CodecContext();
  readonly #surfaces: Surfaces | undefined;
  readonly #surface = new Frame();

  /** Throws when it does not open. */
  constructor({ kind, device, ...picture }: EncoderOptions) {
    const { tier } = picture;
    this.kind = kind;
    this.#tier = tier;
    const codec = Codec.findEncoderByName(kind.codec);
    if (!codec) throw new Error(`there is no encoder ${kind.codec}`);
    this.#surface.alloc();
    const context = this.#context;
    context.allocContext3(codec);
    try {
      this.#set(picture);
      this.#surfaces = kind.surfaces && device && new Surfaces(device, kind.surfaces, kind.pixelFormat, tier);
      if (kind.surfaces && this.#surfaces) {
        context.pixelFormat = kind.surfaces.pixelFormat;
        context.hwFramesCtx = this.#surfaces.context;
      }
      const result = context.open2Sync(codec, null);
      if (result < 0) throw new Error(`${kind.codec} refuses ${tier.width}×${tier.height} (${result})`);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The parameter sets in Annex B. Undefined: the driver writes them, in front of key frames. */
  get header(): Uint8Array | undefined {
    return this.#context.extraData ?? undefined;
  }

  /** x264 takes its ceiling for pictures at the rate that it was opened with: the ceiling is moved so that it is right for the real one. */
  adaptRate(framesPerSecond: number): void {
    if (this.kind !== SOFTWARE) return;
    const { maxBitsPerSecond, maxFramesPerSecond } = this.#tier;
    const bits = Math.round(maxBitsPerSecond * Math.min(MAX_STRETCH, maxFramesPerSecond / framesPerSecond));
    this.#context.rcMaxRate = BigInt(bits);
    this.#context.rcBufferSize = bits * BUFFER_SECONDS;
  }

  /** Takes the picture, with its time and its type. Throws when it is refused. */
  send(picture: Frame): void {
    this.#surfaces?.upload(picture, this.#surface);
    const sent = this.#context.sendFrameSync(this.#surfaces ? this.#surface : picture);
    this.#surface.unref();
    if (sent < 0) throw new Error(`the encoder refuses a picture (${sent})`);
  }

  /** Fills the packet. False when there is none. */
  receive(packet: Packet): boolean {
    return this.#context.receivePacketSync(packet) >= 0;
  }

  close(): void {
    this.#context.freeContext();
    this.#surface.free();
    this.#surfaces?.close();
  }

  #set({ tier, timescale, colours, pixels }: Omit<EncoderOptions, 'kind' | 'device'>): void {
    const context = this.#context;
    const { width, height, maxBitsPerSecond, maxFramesPerSecond, expectedFramesPerSecond } = tier;
    context.width = width;
    context.height = height;
    context.pixelFormat = this.kind.pixelFormat;
    context.timeBase = new Rational(1, timescale);
    context.framerate = this.kind === SOFTWARE ? new Rational(maxFramesPerSecond, 1) : new Rational(Math.ceil(expectedFramesPerSecond * 100), 100);
    context.maxBFrames = 0;
    context.gopSize = NO_KEY_FRAMES;
    context.threadCount = 1;
    context.level = h264Level(tier);
    context.rcMaxRate = BigInt(maxBitsPerSecond);
    context.rcBufferSize = maxBitsPerSecond * BUFFER_SECONDS;
    // Hardware has no constant quality under a ceiling that is the same everywhere.
    if (this.kind !== SOFTWARE) context.bitRate = BigInt(Math.round(maxBitsPerSecond * 0.8));
    context.colorRange = AVCOL_RANGE_MPEG;
    if (colours) {
      context.colorSpace = colours.space;
      context.colorPrimaries = colours.primaries;
      context.colorTrc = colours.transfer;
    }
    if (pixels) context.sampleAspectRatio = pixels;
    const globalHeader: AVCodecFlag = AV_CODEC_FLAG_GLOBAL_HEADER;
    context.setFlags(globalHeader);
    // A dictionary of options would be freed twice: by the encoder and by the collector.
    for (const [option, value] of Object.entries(optionsOf(this.kind, tier))) context.setOption(option, value, AV_OPT_TYPE_STRING, AV_OPT_SEARCH_CHILDREN);
  }
}

function optionsOf(kind: EncoderKind, { preset }: TierSize): EncoderKind['options'] {
  return kind === SOFTWARE ? { ...kind.options, preset } : kind.options;
}
