/** One tier of a ladder: scales the pictures it wants, encodes them, and gives each the time at which it is decoded. */
import { AV_PICTURE_TYPE_I, AV_PICTURE_TYPE_NONE } from 'node-av/constants';
import { type CodecContext, Frame, Packet } from 'node-av/lib';
import type { TierSize, VideoFormat } from '../job.ts';
import type { WireUnit } from '../wire.ts';
import { avcCOf, sampleOf } from './avcc.ts';
import { FilterChain } from './filter-chain.ts';
import { adaptRate, coloursOf, type EncoderKind, openEncoder, SOFTWARE } from './h264-encoder.ts';

/** A picture is one too many when it comes after less than this share of the least interval: timestamps are rounded, and rates like 50 must halve. */
const LEAST_SHARE = 0.8;

/** Pictures after which the frame rate is looked at again. */
const RATE_PICTURES = 8;

/** Where pictures come from: the source, or a larger tier. */
const MAX_SCALERS = 4;

export interface Picture {
  readonly pts: number;
  /** Becomes a key frame. */
  readonly key: boolean;
  /** From decoding to presentation at the last key frame of the source, in its timescale. */
  readonly delay: number;
}

export interface TierOutput {
  format(format: VideoFormat): void;
  unit(unit: WireUnit): void;
}

export interface TierEncoderDeps {
  readonly tier: TierSize;
  readonly timescale: number;
  readonly encoder: EncoderKind;
  readonly output: TierOutput;
}

export class TierEncoder {
  readonly #deps: TierEncoderDeps;
  readonly #packet = new Packet();
  readonly #scaled = new Frame();
  readonly #scalers = new Map<string, FilterChain>();
  #context: CodecContext | undefined;
  #format: VideoFormat | undefined;
  #encoder: EncoderKind;
  #wanted = true;
  #lastPts = Number.NEGATIVE_INFINITY;
  #lastDts = Number.NEGATIVE_INFINITY;
  /** Since the frame rate was looked at. */
  #counted: { readonly pts: number; pictures: number } | undefined;
  /** Of the groups whose pictures the encoder holds. */
  #delays: { readonly from: number; readonly delay: number }[] = [];

  constructor(deps: TierEncoderDeps) {
    this.#deps = deps;
    this.#encoder = deps.encoder;
    this.#packet.alloc();
    this.#scaled.alloc();
  }

  /** Begins again with its format and a key frame. */
  want(wanted: boolean): void {
    if (wanted && !this.#wanted) {
      this.#lastPts = Number.NEGATIVE_INFINITY;
      this.#counted = undefined;
    }
    this.#wanted = wanted;
  }

  /** Encodes the picture if it is wanted. Returns it at this size, only lent until the next; undefined when it was left out. */
  take(frame: Frame, picture: Picture): Frame | undefined {
    const { tier, timescale } = this.#deps;
    if (!this.#wanted) return undefined;
    const isFirst = this.#lastPts === Number.NEGATIVE_INFINITY;
    if (isFirst && !picture.key) return undefined;
    if (isFirst && this.#format) this.#deps.output.format(this.#format);
    if (!picture.key && picture.pts - this.#lastPts < (LEAST_SHARE * timescale) / tier.maxFramesPerSecond) return undefined;
    this.#lastPts = picture.pts;
    this.#context ??= this.#open(frame);
    this.#watchRate(this.#context, picture.pts);
    this.#scaled.unref();
    if (!this.#scalerFor(frame).pass(frame, this.#scaled)) return undefined;
    this.#encode(this.#context, picture);
    return this.#scaled;
  }

  close(): void {
    this.#packet.free();
    this.#scaled.free();
    for (const chain of this.#scalers.values()) chain.close();
    this.#context?.freeContext();
  }

  #open(frame: Frame): CodecContext {
    const { tier, output } = this.#deps;
    const context = this.#openWorking(frame);
    const config = context.extraData && avcCOf(context.extraData);
    if (!config) throw new Error('the encoder told no parameter sets');
    this.#format = { width: tier.width, height: tier.height, config };
    output.format(this.#format);
    return context;
  }

  /** Hardware that works may have no room for one more. */
  #openWorking(frame: Frame): CodecContext {
    const { tier, timescale } = this.#deps;
    try {
      return openEncoder(this.#encoder, tier, timescale, coloursOf(frame));
    } catch (error) {
      if (this.#encoder === SOFTWARE) throw error;
      this.#encoder = SOFTWARE;
      return openEncoder(SOFTWARE, tier, timescale, coloursOf(frame));
    }
  }

  #watchRate(context: CodecContext, pts: number): void {
    const { tier, timescale } = this.#deps;
    this.#counted ??= { pts, pictures: -1 };
    this.#counted.pictures++;
    const { pictures } = this.#counted;
    if (pictures < RATE_PICTURES) return;
    if (this.#encoder === SOFTWARE) adaptRate(context, tier, (pictures * timescale) / (pts - this.#counted.pts));
    this.#counted = { pts, pictures: 0 };
  }

  #scalerFor(frame: Frame): FilterChain {
    const { tier, timescale } = this.#deps;
    const key = `video_size=${frame.width}x${frame.height}:pix_fmt=${frame.format}:time_base=1/${timescale}:colorspace=${frame.colorSpace}:range=${frame.colorRange}`;
    const known = this.#scalers.get(key);
    if (known) return known;
    if (this.#scalers.size >= MAX_SCALERS) {
      for (const chain of this.#scalers.values()) chain.close();
      this.#scalers.clear();
    }
    // Of any depth and colour sampling, and of full range too.
    const chain = new FilterChain(key, [
      ['scale', `${tier.width}:${tier.height}:flags=bicubic:out_range=tv`],
      ['format', `pix_fmts=${this.#encoder.pixelFormatName}`],
    ]);
    this.#scalers.set(key, chain);
    return chain;
  }

  #encode(context: CodecContext, { pts, key, delay }: Picture): void {
    const frame = this.#scaled;
    frame.pts = BigInt(pts);
    frame.pictType = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    if (key || this.#delays.length === 0) this.#delays.push({ from: pts, delay });
    const sent = context.sendFrameSync(frame);
    if (sent < 0) throw new Error(`the encoder refuses a picture (${sent})`);
    const packet = this.#packet;
    while (context.receivePacketSync(packet) >= 0) {
      const at = Number(packet.pts);
      const data = packet.data && sampleOf(packet.data);
      const isKey = packet.isKeyframe;
      packet.unref();
      if (data) this.#deps.output.unit({ dts: this.#dtsOf(at), pts: at, key: isKey, data });
    }
  }

  /** As much before its presentation as the source's key frame was: key frames are then decoded at the same time in all renditions. */
  #dtsOf(pts: number): number {
    while ((this.#delays[1]?.from ?? Number.POSITIVE_INFINITY) <= pts) this.#delays.shift();
    const dts = pts - (this.#delays[0]?.delay ?? 0);
    this.#lastDts = Math.min(pts, Math.max(dts, this.#lastDts + 1));
    return this.#lastDts;
  }
}
