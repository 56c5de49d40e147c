/** One video stream of a source: packets as the container has them become a Track and samples. */
import { readAv1C, readAv1Size, withoutTemporalDelimiter } from '@millrace/media/codecs/av1';
import { parameterSetsOfAvcC } from '@millrace/media/codecs/h264-parameter-sets';
import { hvcCSets } from '@millrace/media/codecs/hevc';
import { annexBUnits, type NalUnit, nalUnits } from '@millrace/media/codecs/nal';
import { readVp8KeyFrame, VP8_CODEC_STRING, writeVp8C } from '@millrace/media/codecs/vp8';
import { readVp9KeyFrame, readVpcC, writeVpcC } from '@millrace/media/codecs/vp9';
import type { FrameBuilder, VideoFormat } from '@millrace/media/rtp/depacketizer';
import { H264Builder } from '@millrace/media/rtp/h264-builder';
import { HevcBuilder } from '@millrace/media/rtp/hevc-builder';
import type { VideoTrack } from '@millrace/media/track';
import type { DemuxedStream } from '../../transports/ffmpeg/messages.ts';

/** Containers' milliseconds and the usual frame rates are both whole numbers of it. */
export const VIDEO_TIMESCALE = 90_000;

/** Of avcC and hvcC, which Annex B cannot begin with. */
const RECORD_VERSION = 1;

export interface Sample {
  readonly data: Uint8Array;
  readonly key: boolean;
}

type Reader = (data: Uint8Array, key: boolean) => (Sample & { readonly format: VideoFormat }) | undefined;

export class VideoSource {
  readonly #id: number;
  readonly #read: Reader;
  #format: VideoFormat | undefined;
  #track: VideoTrack | undefined;

  /** Undefined when the codec is not served. Throws ProtocolError when its configuration is none. */
  static create(id: number, stream: DemuxedStream): VideoSource | undefined {
    const read = readerOf(stream);
    return read && new VideoSource(id, read);
  }

  private constructor(id: number, read: Reader) {
    this.#id = id;
    this.#read = read;
  }

  /** A new object when the format changed. Undefined until the packets have told it. */
  get track(): VideoTrack | undefined {
    return this.#track;
  }

  /** Undefined when there is nothing to show in it. Throws ProtocolError. */
  sample(data: Uint8Array, key: boolean): Sample | undefined {
    const read = this.#read(data, key);
    if (!read) return undefined;
    if (read.format !== this.#format && !isSame(read.format, this.#format)) this.#track = { id: this.#id, kind: 'video', timescale: VIDEO_TIMESCALE, ...read.format };
    this.#format = read.format;
    return read;
  }
}

function readerOf(stream: DemuxedStream): Reader | undefined {
  switch (stream.codec) {
    case 'h264':
      return nalReader(stream, { builder: new H264Builder(), lengthAt: 4, setsOf: (record) => Object.values(parameterSetsOfAvcC(record)).flat(), isKnown: isH264Unit });
    case 'hevc':
      return nalReader(stream, { builder: new HevcBuilder(), lengthAt: 21, setsOf: hvcCSets, isKnown: isHevcUnit });
    case 'av1':
      return av1Reader(stream);
    case 'vp9':
      return vp9Reader();
    case 'vp8':
      return vp8Reader();
    default:
      return undefined;
  }
}

interface NalCodec {
  readonly builder: FrameBuilder;
  /** Where the configuration record says how long lengths are. */
  readonly lengthAt: number;
  setsOf(record: Uint8Array): readonly Uint8Array[];
  /** Whether the builder takes it: in RTP other types mean other things. */
  isKnown(unit: Uint8Array): boolean;
}

function nalReader({ extraData }: DemuxedStream, { builder, lengthAt, setsOf, isKnown }: NalCodec): Reader {
  const isRecord = extraData[0] === RECORD_VERSION;
  const lengthBytes = ((extraData[lengthAt] ?? 3) & 3) + 1;
  const unitsOf = (data: Uint8Array): readonly NalUnit[] => (isRecord ? (nalUnits(data, lengthBytes) ?? annexBUnits(data)) : annexBUnits(data)) ?? [];
  const take = (units: readonly Uint8Array[]): ReturnType<FrameBuilder['finish']> => {
    for (const unit of units) if (isKnown(unit)) builder.add(unit);
    return builder.finish();
  };
  take(isRecord ? setsOf(extraData) : unitsOf(extraData).map(({ begin, end }) => extraData.subarray(begin, end)));
  return (data) => {
    const frame = take(unitsOf(data).map(({ begin, end }) => data.subarray(begin, end)));
    return typeof frame === 'string' || !builder.format ? undefined : { ...frame, format: builder.format };
  };
}

function isH264Unit([header = 0]: Uint8Array): boolean {
  const type = header & 0x1f;
  return type >= 1 && type < 24;
}

function isHevcUnit(unit: Uint8Array): boolean {
  return unit.length >= 3 && (((unit[0] ?? 0) >> 1) & 0x3f) < 48;
}

function av1Reader({ extraData, width, height }: DemuxedStream): Reader | undefined {
  if (extraData.length === 0) return undefined;
  const { config, codecString } = readAv1C(extraData);
  let format: VideoFormat = { codec: 'av1', config, codecString, width, height };
  return (data, key) => {
    const sample = withoutTemporalDelimiter(data);
    if (sample.length === 0) return undefined;
    const size = key ? readAv1Size(sample) : undefined;
    if (size && (size.width !== format.width || size.height !== format.height)) format = { ...format, ...size };
    return { data: sample, key, format };
  };
}

function vp9Reader(): Reader {
  let format: VideoFormat | undefined;
  return (data) => {
    const header = readVp9KeyFrame(data);
    if (header) format = { codec: 'vp9', ...readVpcC(writeVpcC(header)), width: header.width, height: header.height };
    return format && { data, key: header !== undefined, format };
  };
}

function vp8Reader(): Reader {
  let format: VideoFormat | undefined;
  return (data) => {
    const header = readVp8KeyFrame(data);
    if (header) format = { codec: 'vp8', config: writeVp8C(header), codecString: VP8_CODEC_STRING, ...header };
    return format && { data, key: header !== undefined, format };
  };
}

function isSame(a: VideoFormat, b: VideoFormat | undefined): boolean {
  return b !== undefined && a.codecString === b.codecString && a.width === b.width && a.height === b.height && Buffer.compare(a.config, b.config) === 0;
}
