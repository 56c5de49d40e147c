/** Opens encoders of one kind, and software in their place where hardware has no room for one more. */
import type { EncoderSetting } from '../job.ts';
import { ENCODER_KINDS, SOFTWARE } from './encoder-kinds.ts';
import { type EncoderOptions, H264Encoder } from './h264-encoder.ts';
import type { Devices } from './surfaces.ts';

type PictureOptions = Omit<EncoderOptions, 'kind' | 'device'>;

export class Encoders {
  readonly #setting: EncoderSetting;
  readonly #devices: Devices;

  constructor(setting: EncoderSetting, devices: Devices) {
    this.#setting = setting;
    this.#devices = devices;
  }

  /** Throws when software does not open either. */
  open(options: PictureOptions): H264Encoder {
    try {
      return this.openWanted(options);
    } catch (error) {
      if (this.#setting.name === 'x264') throw error;
      return new H264Encoder({ ...options, kind: SOFTWARE, device: undefined });
    }
  }

  /** Throws when it does not open. */
  openWanted(options: PictureOptions): H264Encoder {
    const kind = ENCODER_KINDS[this.#setting.name];
    const device = kind.surfaces && this.#devices.open(kind.surfaces, this.#setting.device);
    return new H264Encoder({ ...options, kind, device });
  }
}
