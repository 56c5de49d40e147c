/** A decoder for the units of one track: frames come out with the units' presentation times. */
import type { Track } from '@millrace/media/track';
import { AV_OPT_TYPE_STRING } from 'node-av/constants';
import { Codec, CodecContext, Frame, Packet, Rational } from 'node-av/lib';
import { AV_CODEC_IDS } from '../../lib/av-codec-ids.ts';
import type { WireUnit } from '../wire.ts';

/** dfLa: version and flags, then the header of STREAMINFO, then its 34 bytes, which are what the decoder wants. */
const STREAMINFO_AT = 8;

/** 8K, and as much again for other shapes of it: what a few bytes may claim would else be some gigabytes. */
const MAX_PIXELS = 8192 * 8192;

export class Decoder {
  readonly #context = new CodecContext();
  readonly #packet = new Packet();
  readonly #frame = new Frame();
  readonly #timeBase: Rational;

  /**
   * Throws when there is no such decoder or it refuses the configuration.
   * @param deblocks false: edges of blocks are not smoothed. For key frames alone: what follows would build on it.
   */
  constructor(track: Track, { deblocks = true }: { readonly deblocks?: boolean } = {}) {
    const codec = Codec.findDecoder(AV_CODEC_IDS[track.codec]);
    if (!codec) throw new Error(`there is no decoder for ${track.codec}`);
    this.#timeBase = new Rational(1, track.timescale);
    const context = this.#context;
    context.allocContext3(codec);
    context.pktTimebase = this.#timeBase;
    // More threads would hold back frames; a worker has one core.
    context.threadCount = 1;
    if (track.kind === 'video') context.setOption('max_pixels', String(MAX_PIXELS), AV_OPT_TYPE_STRING);
    if (!deblocks) context.setOption('skip_loop_filter', 'all', AV_OPT_TYPE_STRING);
    const extraData = extraDataOf(track);
    if (extraData.length > 0) context.extraData = Buffer.from(extraData);
    if (track.kind === 'audio') context.sampleRate = track.sampleRate;
    const result = context.open2Sync(codec, null);
    if (result < 0) throw new Error(`the decoder of ${track.codec} refuses its configuration (${result})`);
    this.#packet.alloc();
    this.#frame.alloc();
  }

  /** Calls with every frame that this unit completes; the frame is only lent. A damaged unit gives none. */
  decode({ pts, dts, key, data }: WireUnit, take: (frame: Frame) => void): void {
    const packet = this.#packet;
    packet.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    packet.pts = BigInt(pts);
    packet.dts = BigInt(dts);
    packet.timeBase = this.#timeBase;
    packet.isKeyframe = key;
    const sent = this.#context.sendPacketSync(packet);
    packet.unref();
    if (sent >= 0) this.#receive(take);
  }

  /** Calls with every frame that the decoder still holds. Nothing can be decoded behind it. */
  drain(take: (frame: Frame) => void): void {
    if (this.#context.sendPacketSync(null) >= 0) this.#receive(take);
  }

  close(): void {
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }

  #receive(take: (frame: Frame) => void): void {
    const frame = this.#frame;
    while (this.#context.receiveFrameSync(frame) >= 0) {
      try {
        take(frame);
      } finally {
        frame.unref();
      }
    }
  }
}

function extraDataOf({ codec, config }: Track): Uint8Array {
  switch (codec) {
    case 'vp8':
    case 'vp9':
    case 'mp3':
    case 'ac3':
    case 'eac3':
      return new Uint8Array(0);
    case 'opus':
      return opusHeadOf(config);
    case 'flac':
      return config.subarray(STREAMINFO_AT, STREAMINFO_AT + 34);
    default:
      return config;
  }
}

/** OpusHead (RFC 7845 §5.1) from dOps; no samples are skipped, lest times move. */
function opusHeadOf(dOps: Uint8Array): Uint8Array {
  if (dOps.length < 11) return new Uint8Array(0);
  const rate = dOps.slice(4, 8).reverse();
  const gain = dOps.slice(8, 10).reverse();
  return Uint8Array.of(...Buffer.from('OpusHead'), 1, dOps[1] ?? 2, 0, 0, ...rate, ...gain, ...dOps.subarray(10));
}
