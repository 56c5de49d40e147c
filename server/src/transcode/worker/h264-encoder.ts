/** The encoders of H.264 that there are: x264, which is everywhere, and those of hardware that prove on one picture that they work. */
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_OPT_SEARCH_CHILDREN,
  AV_OPT_TYPE_STRING,
  AV_PICTURE_TYPE_I,
  AV_PIX_FMT_NV12,
  AV_PIX_FMT_YUV420P,
  AVCOL_PRI_BT709,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_UNSPECIFIED,
  AVCOL_TRC_BT709,
  type AVCodecFlag,
  FF_ENCODER_H264_NVENC,
  FF_ENCODER_H264_QSV,
  FF_ENCODER_H264_VIDEOTOOLBOX,
  FF_ENCODER_LIBX264,
} from 'node-av/constants';
import { Codec, CodecContext, Frame, Packet, Rational } from 'node-av/lib';
import { h264Level } from '../h264-level.ts';
import type { TierSize } from '../job.ts';

/** Seconds of bits that a picture may borrow from those before it. */
const BUFFER_SECONDS = 1;

/** A picture this tall without a word on its colours has those of HDTV: players take them so by its size, and would not for its smaller tiers. */
const HD_LINES = 720;

/** Every key frame is asked for. */
const NO_KEY_FRAMES = 100_000;

/** Pictures that hardware may keep to itself before the first comes out. */
const PROBE_PICTURES = 8;

export interface EncoderKind {
  readonly name: typeof FF_ENCODER_LIBX264 | typeof FF_ENCODER_H264_NVENC | typeof FF_ENCODER_H264_QSV | typeof FF_ENCODER_H264_VIDEOTOOLBOX;
  readonly pixelFormat: typeof AV_PIX_FMT_YUV420P | typeof AV_PIX_FMT_NV12;
  /** Of the filters that bring pictures into this form. */
  readonly pixelFormatName: 'yuv420p' | 'nv12';
  readonly options: Readonly<Record<string, string>>;
}

/** Each picture out as soon as it is in. Counting rates by timestamps would hold one back: see `adaptRate`. */
export const SOFTWARE: EncoderKind = {
  name: FF_ENCODER_LIBX264,
  pixelFormat: AV_PIX_FMT_YUV420P,
  pixelFormatName: 'yuv420p',
  options: { preset: 'veryfast', tune: 'zerolatency', profile: 'main', crf: '23', 'forced-idr': '1', sc_threshold: '0' },
};

const HARDWARE: readonly EncoderKind[] = [
  {
    name: FF_ENCODER_H264_NVENC,
    pixelFormat: AV_PIX_FMT_YUV420P,
    pixelFormatName: 'yuv420p',
    options: { preset: 'p4', tune: 'ull', profile: 'main', rc: 'vbr', cq: '25', 'forced-idr': '1', 'no-scenecut': '1', delay: '0', zerolatency: '1' },
  },
  { name: FF_ENCODER_H264_QSV, pixelFormat: AV_PIX_FMT_NV12, pixelFormatName: 'nv12', options: { preset: 'veryfast', profile: 'main', forced_idr: '1', async_depth: '1' } },
  {
    name: FF_ENCODER_H264_VIDEOTOOLBOX,
    pixelFormat: AV_PIX_FMT_YUV420P,
    pixelFormatName: 'yuv420p',
    options: { profile: 'main', realtime: '1', require_sw: '0', allow_sw: '0' },
  },
];

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

/** The most by which a slow source may exceed what was meant for each picture. */
const MAX_STRETCH = 8;

/** The encoder takes its ceiling for pictures at the rate that it was opened with: the ceiling is moved so that it is right for the real one. */
export function adaptRate(context: CodecContext, tier: TierSize, framesPerSecond: number): void {
  const bits = Math.round(tier.maxBitsPerSecond * Math.min(MAX_STRETCH, tier.maxFramesPerSecond / framesPerSecond));
  context.rcMaxRate = BigInt(bits);
  context.rcBufferSize = bits * BUFFER_SECONDS;
}

/** Throws when it refuses. */
export function openEncoder(kind: EncoderKind, tier: TierSize, timescale: number, colours: PictureColours | undefined): CodecContext {
  const encoder = Codec.findEncoderByName(kind.name);
  if (!encoder) throw new Error(`there is no encoder ${kind.name}`);
  const { width, height, maxBitsPerSecond, maxFramesPerSecond } = tier;
  const context = new CodecContext();
  context.allocContext3(encoder);
  context.width = width;
  context.height = height;
  context.pixelFormat = kind.pixelFormat;
  context.timeBase = new Rational(1, timescale);
  context.framerate = new Rational(maxFramesPerSecond, 1);
  context.maxBFrames = 0;
  context.gopSize = NO_KEY_FRAMES;
  context.threadCount = 1;
  context.level = h264Level(tier);
  context.rcMaxRate = BigInt(maxBitsPerSecond);
  context.rcBufferSize = maxBitsPerSecond * BUFFER_SECONDS;
  // Hardware has no constant quality under a ceiling that is the same everywhere.
  if (kind !== SOFTWARE) context.bitRate = BigInt(Math.round(maxBitsPerSecond * 0.8));
  context.colorRange = AVCOL_RANGE_MPEG;
  if (colours) {
    context.colorSpace = colours.space;
    context.colorPrimaries = colours.primaries;
    context.colorTrc = colours.transfer;
  }
  const globalHeader: AVCodecFlag = AV_CODEC_FLAG_GLOBAL_HEADER;
  context.setFlags(globalHeader);
  // A dictionary of options would be freed twice: by the encoder and by the collector.
  for (const [option, value] of Object.entries(kind.options)) context.setOption(option, value, AV_OPT_TYPE_STRING, AV_OPT_SEARCH_CHILDREN);
  const result = context.open2Sync(encoder, null);
  if (result >= 0) return context;
  context.freeContext();
  throw new Error(`${kind.name} refuses ${width}×${height} (${result})`);
}

/** Chooses once: the first hardware that encodes a picture, else software. */
export class EncoderChoice {
  #hardware: EncoderKind | undefined;
  #isProbed = false;

  choose(hardware: boolean): EncoderKind {
    if (!hardware) return SOFTWARE;
    if (!this.#isProbed) {
      this.#isProbed = true;
      this.#hardware = HARDWARE.find(works);
    }
    return this.#hardware ?? SOFTWARE;
  }
}

/** True when it turns some grey pictures into one that begins with a key frame. Never throws. */
export function works(kind: EncoderKind): boolean {
  const size = { width: 320, height: 180, maxBitsPerSecond: 500_000, maxFramesPerSecond: 30 };
  const packet = new Packet();
  const frame = new Frame();
  let context: CodecContext | undefined;
  try {
    context = openEncoder(kind, size, size.maxFramesPerSecond, undefined);
    packet.alloc();
    frame.alloc();
    frame.width = size.width;
    frame.height = size.height;
    frame.format = kind.pixelFormat;
    if (frame.getBuffer(0) < 0) return false;
    for (const plane of frame.data ?? []) plane?.fill(128);
    for (let i = 0; i < PROBE_PICTURES; i++) {
      frame.pts = BigInt(i);
      frame.pictType = AV_PICTURE_TYPE_I;
      if (context.sendFrameSync(frame) < 0) return false;
      if (context.receivePacketSync(packet) >= 0) return packet.isKeyframe;
    }
    return false;
  } catch {
    return false;
  } finally {
    packet.free();
    frame.free();
    context?.freeContext();
  }
}
