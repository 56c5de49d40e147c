/** One video track of a publisher: its packets become a Track and Units. */
import { readAv1C, readAv1Size, withoutTemporalDelimiter } from '@millrace/media/codecs/av1';
import { isH264RandomAccess, readAvcC } from '@millrace/media/codecs/h264';
import { isHevcRandomAccess, readHvcC } from '@millrace/media/codecs/hevc';
import { annexBUnits, nalUnits, withFourByteLengths } from '@millrace/media/codecs/nal';
import { readVp9Size, readVpcC } from '@millrace/media/codecs/vp9';
import type { VideoPacket } from '@millrace/media/flv/video-tag';
import type { VideoCodec, VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';

/** RTMP's milliseconds and the usual frame rates are both whole numbers of it. */
const VIDEO_TIMESCALE = 90_000;

const TICKS_PER_MS = VIDEO_TIMESCALE / 1000;
const TICKS_PER_NS = VIDEO_TIMESCALE / 1_000_000_000;

const CODECS: Readonly<Record<string, VideoCodec>> = { avc1: 'h264', hvc1: 'hevc', av01: 'av1', vp09: 'vp9' };

export class VideoSource {
  readonly fourCc: string;
  readonly #id: number;
  readonly #codec: VideoCodec;
  #track: VideoTrack | undefined;
  #lengthBytes = 4;

  /** Undefined when the codec cannot be packaged. */
  static create(id: number, fourCc: string): VideoSource | undefined {
    const codec = CODECS[fourCc];
    return codec && new VideoSource(id, fourCc, codec);
  }

  private constructor(id: number, fourCc: string, codec: VideoCodec) {
    this.#id = id;
    this.fourCc = fourCc;
    this.#codec = codec;
  }

  /** A new object when the format changed. Undefined until the configuration has come. */
  get track(): VideoTrack | undefined {
    return this.#track;
  }

  /** False while the size is still to be learnt from the first key frame. */
  get isComplete(): boolean {
    return this.#track !== undefined && this.#track.width > 0;
  }

  /** Takes the decoder configuration. Throws ProtocolError. */
  configure(data: Uint8Array): void {
    const { lengthBytes = 4, width = 0, height = 0, config, codecString } = readConfig(this.#codec, data);
    this.#lengthBytes = lengthBytes;
    const before = this.#track;
    const same = before?.codecString === codecString && before.config.length === config.length && before.config.every((byte, i) => byte === config[i]);
    if (same) return;
    this.#track = { id: this.#id, kind: 'video', codec: this.#codec, timescale: VIDEO_TIMESCALE, config, codecString, width, height };
  }

  /** The unit of a frame, undefined when it is damaged or the configuration has not come. */
  unit(packet: VideoPacket, timeMs: number): Unit | undefined {
    if (!this.#track || packet.data.length === 0) return undefined;
    const sample = this.#sample(packet);
    if (!sample) return undefined;
    if (sample.key && !this.isComplete) this.#learnSize(this.#track, sample.data);
    const dts = timeMs * TICKS_PER_MS + Math.round(packet.nanoOffset * TICKS_PER_NS);
    return { track: this.#id, dts, pts: dts + packet.compositionTimeMs * TICKS_PER_MS, ...sample };
  }

  #sample({ data, key }: VideoPacket): { readonly data: Uint8Array; readonly key: boolean } | undefined {
    switch (this.#codec) {
      case 'h264':
      case 'hevc':
        return this.#nalSample(data, key);
      case 'av1': {
        const sample = withoutTemporalDelimiter(data);
        return sample.length === 0 ? undefined : { data: sample, key };
      }
      case 'vp9':
      case 'vp8':
        return { data, key };
    }
  }

  #nalSample(data: Uint8Array, flaggedKey: boolean): { readonly data: Uint8Array; readonly key: boolean } | undefined {
    const prefixed = nalUnits(data, this.#lengthBytes);
    // Some hardware encoders leave Annex B start codes in.
    const units = prefixed ?? annexBUnits(data);
    if (!units || units.length === 0) return undefined;
    const isRandomAccess = this.#codec === 'h264' ? isH264RandomAccess : isHevcRandomAccess;
    // The flag is believed unless the pictures clearly contradict it.
    const key = flaggedKey && isRandomAccess(data, units) === true;
    return { data: prefixed && this.#lengthBytes === 4 ? data : withFourByteLengths(data, units), key };
  }

  #learnSize(track: VideoTrack, sample: Uint8Array): void {
    const size = track.codec === 'vp9' ? readVp9Size(sample) : track.codec === 'av1' ? readAv1Size(sample) : undefined;
    if (size) this.#track = { ...track, ...size };
  }
}

interface Config {
  readonly config: Uint8Array;
  readonly codecString: string;
  readonly lengthBytes?: number;
  readonly width?: number;
  readonly height?: number;
}

function readConfig(codec: VideoCodec, data: Uint8Array): Config {
  switch (codec) {
    case 'h264':
      return readAvcC(data);
    case 'hevc':
      return readHvcC(data);
    case 'av1':
      return readAv1C(data);
    case 'vp9':
    case 'vp8':
      return readVpcC(data);
  }
}
