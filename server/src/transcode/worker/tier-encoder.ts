/** One tier of a ladder: scales the pictures it wants, encodes them, and gives each the time at which it is decoded. */
import { AV_PICTURE_TYPE_I, AV_PICTURE_TYPE_NONE } from 'node-av/constants';
import { Frame, Packet } from 'node-av/lib';
import type { TierSize, VideoFormat } from '../job.ts';
import type { WireUnit } from '../wire.ts';
import { avcCOf, sampleOf } from './avcc.ts';
import type { Encoders } from './encoders.ts';
import { FilterChain } from './filter-chain.ts';
import { coloursOf, type H264Encoder } from './h264-encoder.ts';
import { pixelShapeAt } from './pixel-shape.ts';

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
  readonly encoders: Encoders;
  readonly output: TierOutput;
}

export class TierEncoder {
  readonly #deps: TierEncoderDeps;
  readonly #packet = new Packet();
  readonly #scaled = new Frame();
  readonly #scalers = new Map<string, FilterChain>();
  #encoder: H264Encoder | undefined;
  #format: VideoFormat | undefined;
  #wanted = true;
  #lastPts = Number.NEGATIVE_INFINITY;
  #lastDts = Number.NEGATIVE_INFINITY;
  /** Since the frame rate was looked at. */
  #counted: { readonly pts: number; pictures: number } | undefined;
  /** Of the groups whose pictures the encoder holds. */
  #delays: { readonly from: number; readonly delay: number }[] = [];

  constructor(deps: TierEncoderDeps) {
    this.#deps = deps;
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
    this.#encoder ??= this.#deps.encoders.open({ tier, timescale, colours: coloursOf(frame), pixels: pixelShapeAt(frame, tier) });
    this.#watchRate(this.#encoder, picture.pts);
    this.#scaled.unref();
    if (!this.#scalerFor(frame, this.#encoder).pass(frame, this.#scaled)) return undefined;
    this.#encode(this.#encoder, picture);
    return this.#scaled;
  }

  close(): void {
    this.#packet.free();
    this.#scaled.free();
    for (const chain of this.#scalers.values()) chain.close();
    this.#encoder?.close();
  }

  #watchRate(encoder: H264Encoder, pts: number): void {
    this.#counted ??= { pts, pictures: -1 };
    this.#counted.pictures++;
    const { pictures } = this.#counted;
    if (pictures < RATE_PICTURES) return;
    encoder.adaptRate((pictures * this.#deps.timescale) / (pts - this.#counted.pts));
    this.#counted = { pts, pictures: 0 };
  }

  #scalerFor(frame: Frame, encoder: H264Encoder): FilterChain {
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
      ['format', `pix_fmts=${encoder.kind.pixelFormatName}`],
    ]);
    this.#scalers.set(key, chain);
    return chain;
  }

  #encode(encoder: H264Encoder, { pts, key, delay }: Picture): void {
    const frame = this.#scaled;
    frame.pts = BigInt(pts);
    frame.pictType = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    if (key || this.#delays.length === 0) this.#delays.push({ from: pts, delay });
    encoder.send(frame);
    const packet = this.#packet;
    while (encoder.receive(packet)) {
      const at = Number(packet.pts);
      if (packet.data && !this.#format) this.#tell(encoder.header ?? packet.data);
      const data = packet.data && sampleOf(packet.data);
      const isKey = packet.isKeyframe;
      packet.unref();
      if (data) this.#deps.output.unit({ dts: this.#dtsOf(at), pts: at, key: isKey, data });
    }
  }

  #tell(header: Uint8Array): void {
    const { tier, output } = this.#deps;
    this.#format = { width: tier.width, height: tier.height, config: avcCOf(header) };
    output.format(this.#format);
  }

  /** As much before its presentation as the source's key frame was: key frames are then decoded at the same time in all renditions. */
  #dtsOf(pts: number): number {
    while ((this.#delays[1]?.from ?? Number.POSITIVE_INFINITY) <= pts) this.#delays.shift();
    const dts = pts - (this.#delays[0]?.delay ?? 0);
    this.#lastDts = Math.min(pts, Math.max(dts, this.#lastDts + 1));
    return this.#lastDts;
  }
}
