/** Pictures at several smaller sizes: decoded once, each tier scaled from the one above it, key frames where the source has them. */
import { AV_FRAME_FLAG_INTERLACED } from 'node-av/constants';
import { Frame } from 'node-av/lib';
import type { LadderJob } from '../job.ts';
import type { WireUnit } from '../wire.ts';
import { Decoder } from './decoder.ts';
import type { Encoders } from './encoders.ts';
import { FilterChain } from './filter-chain.ts';
import { TierEncoder } from './tier-encoder.ts';
import type { Transcoder, TranscoderOutput } from './transcoder.ts';

/** Key frames that the decoder may hold back. */
const MAX_PENDING_KEYS = 64;

export class LadderTranscoder implements Transcoder {
  readonly #timescale: number;
  readonly #decoder: Decoder;
  readonly #tiers: readonly TierEncoder[];
  readonly #whole = new Frame();
  #deinterlacer: { readonly key: string; readonly chain: FilterChain } | undefined;
  /** Presentation times of key frames that went in and did not yet come out, and how long before they are decoded. */
  #keys: { readonly pts: number; readonly delay: number }[] = [];
  #delay = 0;
  #lastPts = Number.NEGATIVE_INFINITY;

  constructor({ source, tiers }: LadderJob, output: TranscoderOutput, encoders: Encoders) {
    this.#timescale = source.timescale;
    this.#decoder = new Decoder(source);
    this.#tiers = tiers.map(
      (tier, i) =>
        new TierEncoder({
          tier,
          timescale: source.timescale,
          encoders,
          output: { format: (format) => output.format(format, i), unit: (unit) => output.unit(unit, i) },
        }),
    );
    this.#whole.alloc();
  }

  unit(unit: WireUnit): void {
    if (unit.key) {
      this.#keys.push({ pts: unit.pts, delay: unit.pts - unit.dts });
      if (this.#keys.length > MAX_PENDING_KEYS) this.#keys.shift();
    }
    this.#decoder.decode(unit, (frame) => {
      if ((frame.flags & AV_FRAME_FLAG_INTERLACED) === 0) this.#take(frame, Number(frame.pts));
      else this.#deinterlace(frame);
    });
  }

  /** Key frames come from the source. */
  requestKeyFrame(): void {}

  setOutputs(wanted: readonly boolean[]): void {
    for (const [i, tier] of this.#tiers.entries()) tier.want(wanted[i] ?? false);
  }

  close(): void {
    this.#decoder.close();
    this.#deinterlacer?.chain.close();
    this.#whole.free();
    for (const tier of this.#tiers) tier.close();
  }

  /** Whole pictures from two fields each; one picture late, for the next one has a say in it. */
  #deinterlace(frame: Frame): void {
    const key = `video_size=${frame.width}x${frame.height}:pix_fmt=${frame.format}:time_base=1/${this.#timescale}:colorspace=${frame.colorSpace}:range=${frame.colorRange}`;
    if (this.#deinterlacer?.key !== key) {
      this.#deinterlacer?.chain.close();
      this.#deinterlacer = { key, chain: new FilterChain(key, [['yadif', 'mode=send_frame']]) };
    }
    const whole = this.#whole;
    // It counts in half ticks.
    if (this.#deinterlacer.chain.pass(frame, whole)) this.#take(whole, Math.round(Number(whole.pts) / 2));
    whole.unref();
  }

  #take(frame: Frame, pts: number): void {
    // A decoder that learns of B-frames late may repeat a time.
    if (pts <= this.#lastPts || frame.width < 2 || frame.height < 2) return;
    this.#lastPts = pts;
    const key = this.#reachKey(pts);
    let from = frame;
    for (const tier of this.#tiers) from = tier.take(from, { pts, key, delay: this.#delay }) ?? from;
  }

  /** True for the first picture at or behind a key frame of the source: the one that was damaged has one in its place. */
  #reachKey(pts: number): boolean {
    let isKey = false;
    for (let [key] = this.#keys; key && key.pts <= pts; [key] = this.#keys) {
      this.#keys.shift();
      this.#delay = key.delay;
      isKey = true;
    }
    return isKey;
  }
}
