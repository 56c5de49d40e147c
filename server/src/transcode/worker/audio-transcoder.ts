/**
 * Sound to 48 kHz Opus or AAC. The resampler keeps the output on the input's timestamps: drift is stretched away, a gap becomes
 * silence. Times are those of the sound itself: the encoder's delay is taken off, so that lips match.
 */

import { rescale } from '@millrace/media/time';
import {
  AV_CHANNEL_ORDER_NATIVE,
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_OPT_SEARCH_CHILDREN,
  AV_OPT_TYPE_STRING,
  AV_SAMPLE_FMT_FLT,
  AV_SAMPLE_FMT_FLTP,
  FF_ENCODER_AAC,
  FF_ENCODER_LIBOPUS,
} from 'node-av/constants';
import { Codec, CodecContext, Filter, type FilterContext, FilterGraph, Frame, Packet, Rational } from 'node-av/lib';
import { AUDIO_TIMESCALE, type AudioJob, FRAME_SAMPLES, PRIMING_SAMPLES } from '../job.ts';
import type { WireUnit } from '../wire.ts';
import { Decoder } from './decoder.ts';
import type { Transcoder, TranscoderOutput } from './transcoder.ts';

const ENCODERS = {
  opus: { name: FF_ENCODER_LIBOPUS, format: AV_SAMPLE_FMT_FLT, formatName: 'flt', bitsPerChannel: 64_000n, options: { frame_duration: '20', application: 'audio' } },
  // The thorough coder costs twice as much and is not heard at this rate.
  aac: { name: FF_ENCODER_AAC, format: AV_SAMPLE_FMT_FLTP, formatName: 'fltp', bitsPerChannel: 80_000n, options: { aac_coder: 'fast' } },
} as const;

/** Differences of more than this between timestamps and samples are a lost packet, which silence replaces; less is drift, which is stretched. */
const HARD_COMPENSATION_SECONDS = 0.015;

/** Samples a second that the stretching may add or remove: 2 %, which nobody hears. */
const SOFT_COMPENSATION_SAMPLES = 960;

/** More silence than this is a pause of the stream and not the worker's. */
const MAX_FILL_SAMPLES = 3 * AUDIO_TIMESCALE;

interface Resampler {
  readonly key: string;
  readonly graph: FilterGraph;
  readonly source: FilterContext;
  readonly sink: FilterContext;
}

export class AudioTranscoder implements Transcoder {
  readonly #job: AudioJob;
  readonly #output: TranscoderOutput;
  readonly #decoder: Decoder;
  readonly #encoder: CodecContext;
  readonly #packet = new Packet();
  readonly #resampled = new Frame();
  #resampler: Resampler | undefined;
  /** Time of the next packet when nothing is missing. */
  #expected: number | undefined;

  constructor(job: AudioJob, output: TranscoderOutput) {
    this.#job = job;
    this.#output = output;
    this.#decoder = new Decoder(job.source);
    this.#encoder = openEncoder(job);
    this.#packet.alloc();
    this.#resampled.alloc();
  }

  unit(unit: WireUnit): void {
    this.#decoder.decode(unit, (frame) => this.#resample(frame));
  }

  requestKeyFrame(): void {}

  close(): void {
    this.#decoder.close();
    this.#resampler?.graph.free();
    this.#packet.free();
    this.#resampled.free();
    this.#encoder.freeContext();
  }

  #resample(frame: Frame): void {
    const { source, sink } = this.#resamplerFor(frame);
    const added = source.buffersrcAddFrameSync(frame);
    if (added < 0) throw new Error(`the resampler refuses a frame (${added})`);
    while (sink.buffersinkGetFrameSync(this.#resampled) >= 0) {
      this.#encode(this.#resampled);
      this.#resampled.unref();
    }
  }

  /** Decoders may find out later what they decode, as with HE-AAC: the resampler follows. */
  #resamplerFor(frame: Frame): Resampler {
    const { mask } = frame.channelLayout;
    const layout = mask === 0n ? `${frame.channels}c` : `0x${mask.toString(16)}`;
    const key = `sample_rate=${frame.sampleRate}:sample_fmt=${frame.format}:channel_layout=${layout}`;
    if (this.#resampler?.key === key) return this.#resampler;
    this.#resampler?.graph.free();
    this.#resampler = this.#openResampler(key, frame);
    return this.#resampler;
  }

  #openResampler(key: string, first: Frame): Resampler {
    const { codec, channels, source: track } = this.#job;
    const graph = new FilterGraph();
    graph.alloc();
    const begin = this.#beginAt(rescale(Number(first.pts), track.timescale, AUDIO_TIMESCALE));
    if (begin !== undefined) this.#expected ??= begin - PRIMING_SAMPLES[codec];
    // Counted in samples of the input.
    const firstPts = begin === undefined ? '' : `:first_pts=${rescale(begin, AUDIO_TIMESCALE, first.sampleRate)}`;
    const compensation = `async=${SOFT_COMPENSATION_SAMPLES}:min_hard_comp=${HARD_COMPENSATION_SECONDS}`;
    const source = create(graph, 'abuffer', `time_base=1/${track.timescale}:${key}`);
    const resample = create(graph, 'aresample', `${AUDIO_TIMESCALE}:${compensation}${firstPts}`);
    const format = create(graph, 'aformat', `sample_fmts=${ENCODERS[codec].formatName}:channel_layouts=${channels === 1 ? 'mono' : 'stereo'}:sample_rates=${AUDIO_TIMESCALE}`);
    const size = create(graph, 'asetnsamples', `n=${FRAME_SAMPLES[codec]}:p=0`);
    const sink = create(graph, 'abuffersink', '');
    const chain = [source, resample, format, size, sink];
    for (const [i, filter] of chain.entries()) {
      const next = chain[i + 1];
      if (next && filter.link(0, next, 0) < 0) throw new Error('the filters of the resampler do not fit');
    }
    const result = graph.configSync();
    if (result < 0) throw new Error(`the resampler refuses ${key} (${result})`);
    return { key, graph, source, sink };
  }

  /** Where the first sample belongs, when that is not where the input begins. */
  #beginAt(firstPts: number): number | undefined {
    const { codec, resume } = this.#job;
    const last = this.#expected === undefined ? undefined : this.#expected - FRAME_SAMPLES[codec];
    const from = last ?? resume?.lastPts;
    if (from === undefined) return undefined;
    // The first packet holds the encoder's priming and lies so much before its first sample; an encoder that runs is over it.
    const next = from + FRAME_SAMPLES[codec] + PRIMING_SAMPLES[codec];
    const fills = last !== undefined || resume?.fill === true;
    return firstPts < next || (fills && firstPts - next <= MAX_FILL_SAMPLES) ? next : undefined;
  }

  #encode(frame: Frame): void {
    const { codec } = this.#job;
    const sent = this.#encoder.sendFrameSync(frame);
    if (sent < 0) throw new Error(`the encoder of ${codec} refuses a frame (${sent})`);
    const packet = this.#packet;
    while (this.#encoder.receivePacketSync(packet) >= 0) {
      const pts = Number(packet.pts);
      // Rounding may move a packet by a sample or two, which players would show as gaps.
      const time = this.#expected !== undefined && Math.abs(pts - this.#expected) <= 4 ? this.#expected : pts;
      this.#expected = time + FRAME_SAMPLES[codec];
      // Times begin with the broadcast: priming before it is nothing to hear.
      if (packet.data && time >= 0) this.#output.unit({ dts: time, pts: time, key: true, data: packet.data });
      packet.unref();
    }
  }
}

function openEncoder({ codec, channels }: AudioJob): CodecContext {
  const { name, format, bitsPerChannel, options } = ENCODERS[codec];
  const encoder = Codec.findEncoderByName(name);
  if (!encoder) throw new Error(`there is no encoder ${name}`);
  const context = new CodecContext();
  context.allocContext3(encoder);
  context.sampleRate = AUDIO_TIMESCALE;
  context.sampleFormat = format;
  context.channelLayout = channels === 1 ? { nbChannels: 1, order: AV_CHANNEL_ORDER_NATIVE, mask: 4n } : { nbChannels: 2, order: AV_CHANNEL_ORDER_NATIVE, mask: 3n };
  context.timeBase = new Rational(1, AUDIO_TIMESCALE);
  context.bitRate = bitsPerChannel * BigInt(channels);
  context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  // A dictionary of options would be freed twice: by the encoder and by the collector.
  for (const [option, value] of Object.entries(options)) context.setOption(option, value, AV_OPT_TYPE_STRING, AV_OPT_SEARCH_CHILDREN);
  const result = context.open2Sync(encoder, null);
  if (result < 0) throw new Error(`the encoder ${name} does not open (${result})`);
  return context;
}

function create(graph: FilterGraph, name: string, args: string): FilterContext {
  const filter = Filter.getByName(name);
  const context = filter && graph.createFilter(filter, name, args);
  if (!context) throw new Error(`the filter ${name} refuses ${args}`);
  return context;
}
