/** One audio stream of a source: packets as the container has them become a Track and Units on a clock of samples. */
import { AudioClock } from '@millrace/media/audio-clock';
import { readAudioSpecificConfig } from '@millrace/media/codecs/aac';
import { isAdts, readAdts } from '@millrace/media/codecs/adts';
import { readMp3Header } from '@millrace/media/codecs/mp3';
import { OPUS_SAMPLE_RATE, opusPacketSamples, readOpusHead } from '@millrace/media/codecs/opus';
import { type AudioTrack, sameFormat } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { DemuxedStream } from '../../transports/ffmpeg/messages.ts';

type Format = Pick<AudioTrack, 'codec' | 'config' | 'codecString' | 'sampleRate' | 'channels'>;

interface Frame {
  readonly format: Format;
  readonly data: Uint8Array;
  /** In samples of `format.sampleRate`. */
  readonly samples: number;
}

type Reader = (data: Uint8Array) => readonly Frame[];

export class AudioSource {
  readonly #id: number;
  readonly #read: Reader;
  #track: AudioTrack | undefined;
  #clock: AudioClock | undefined;

  /** Undefined when the codec is not served. Throws ProtocolError when its configuration is none. */
  static create(id: number, stream: DemuxedStream): AudioSource | undefined {
    const read = readerOf(stream);
    return read && new AudioSource(id, read);
  }

  private constructor(id: number, read: Reader) {
    this.#id = id;
    this.#read = read;
  }

  /** A new object when the format changed. Undefined until it is known. */
  get track(): AudioTrack | undefined {
    return this.#track;
  }

  /** Throws ProtocolError. */
  units(data: Uint8Array, seconds: number): Unit[] {
    let ms = seconds * 1000;
    return this.#read(data).flatMap(({ format, samples, data }) => {
      this.#setFormat(format);
      if (!this.#clock || samples === 0 || data.length === 0) return [];
      const dts = this.#clock.next(ms, samples);
      ms += (samples * 1000) / format.sampleRate;
      return [{ track: this.#id, dts, pts: dts, key: true, data }];
    });
  }

  #setFormat(format: Format): void {
    const track: AudioTrack = { id: this.#id, kind: 'audio', timescale: format.sampleRate, ...format };
    if (this.#track && sameFormat(this.#track, track) && this.#track.channels === track.channels) return;
    this.#track = track;
    this.#clock = new AudioClock(format.sampleRate);
  }
}

function readerOf({ codec, extraData }: DemuxedStream): Reader | undefined {
  switch (codec) {
    case 'aac':
      return aacReader(extraData);
    case 'opus': {
      const { config, channels } = readOpusHead(extraData);
      const format: Format = { codec, config, codecString: 'opus', sampleRate: OPUS_SAMPLE_RATE, channels };
      return (data) => [{ format, data, samples: opusPacketSamples(data) }];
    }
    case 'mp3':
      return (data) => {
        const { sampleRate, channels, frameSamples } = readMp3Header(data);
        return [{ format: { codec, config: new Uint8Array(0), codecString: 'mp3', sampleRate, channels }, data, samples: frameSamples }];
      };
    default:
      return undefined;
  }
}

/** Without a configuration beside the packets it stands in each of them. */
function aacReader(extraData: Uint8Array): Reader {
  const known = extraData.length > 0 ? aacFrame(extraData.slice(), extraData) : undefined;
  return (data) => {
    if (isAdts(data)) return readAdts(data).map((frame) => aacFrame(frame.config, frame.data));
    return known ? [{ ...known, data }] : [];
  };
}

function aacFrame(config: Uint8Array, data: Uint8Array): Frame {
  const { codecString, sampleRate, channels, frameSamples } = readAudioSpecificConfig(config);
  return { format: { codec: 'aac', config, codecString, sampleRate, channels }, data, samples: frameSamples };
}
