/** One audio track of a publisher: its packets become a Track and Units on a clock of samples. */
import { AudioClock } from '@millrace/media/audio-clock';
import { readAudioSpecificConfig } from '@millrace/media/codecs/aac';
import { readMp3Header } from '@millrace/media/codecs/mp3';
import { OPUS_SAMPLE_RATE, opusPacketSamples, readOpusHead } from '@millrace/media/codecs/opus';
import type { AudioPacket } from '@millrace/media/flv/audio-tag';
import { type AudioTrack, sameFormat } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';

type Codec = 'aac' | 'opus' | 'mp3';

const CODECS: Readonly<Record<string, Codec>> = { mp4a: 'aac', Opus: 'opus', '.mp3': 'mp3' };

const NS_PER_MS = 1_000_000;

export class AudioSource {
  readonly fourCc: string;
  readonly #id: number;
  readonly #codec: Codec;
  #track: AudioTrack | undefined;
  #clock: AudioClock | undefined;
  #frameSamples = 0;

  /** Undefined when the codec cannot be packaged. */
  static create(id: number, fourCc: string): AudioSource | undefined {
    const codec = CODECS[fourCc];
    return codec && new AudioSource(id, fourCc, codec);
  }

  private constructor(id: number, fourCc: string, codec: Codec) {
    this.#id = id;
    this.fourCc = fourCc;
    this.#codec = codec;
  }

  /** A new object when the format changed. Undefined until it is known. */
  get track(): AudioTrack | undefined {
    return this.#track;
  }

  get isComplete(): boolean {
    return this.#track !== undefined;
  }

  /** Takes the decoder configuration; MP3 has none. Throws ProtocolError. */
  configure(data: Uint8Array): void {
    if (this.#codec === 'aac') {
      const { codecString, sampleRate, channels, frameSamples } = readAudioSpecificConfig(data);
      this.#setFormat({ config: data.slice(), codecString, sampleRate, channels }, frameSamples);
    } else if (this.#codec === 'opus') {
      const { config, channels } = readOpusHead(data);
      this.#setFormat({ config, codecString: 'opus', sampleRate: OPUS_SAMPLE_RATE, channels }, 0);
    }
  }

  /** The unit of a frame, undefined when it is damaged or the configuration has not come. */
  unit(packet: AudioPacket, timeMs: number): Unit | undefined {
    const { data } = packet;
    if (data.length === 0) return undefined;
    if (this.#codec === 'mp3') {
      const { sampleRate, channels, frameSamples } = readMp3Header(data);
      this.#setFormat({ config: new Uint8Array(0), codecString: 'mp3', sampleRate, channels }, frameSamples);
    }
    if (!this.#track || !this.#clock) return undefined;
    const samples = this.#codec === 'opus' ? opusPacketSamples(data) : this.#frameSamples;
    if (samples === 0) return undefined;
    const dts = this.#clock.next(timeMs + packet.nanoOffset / NS_PER_MS, samples);
    return { track: this.#id, dts, pts: dts, key: true, data };
  }

  #setFormat(format: Pick<AudioTrack, 'config' | 'codecString' | 'sampleRate' | 'channels'>, frameSamples: number): void {
    const track: AudioTrack = { id: this.#id, kind: 'audio', codec: this.#codec, timescale: format.sampleRate, ...format };
    if (this.#track && sameFormat(this.#track, track) && this.#track.channels === track.channels) return;
    this.#track = track;
    this.#clock = new AudioClock(format.sampleRate);
    this.#frameSamples = frameSamples;
  }
}
