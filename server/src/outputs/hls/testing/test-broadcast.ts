/** For tests: a packaged broadcast of one picture, in parts of five frames and segments of two seconds. */
import type { Track } from '@millrace/media/track';
import type { Clock } from '../../../lib/clock.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from '../../cmaf/packager.ts';

export const EPOCH = 'epoch-0123456789abcdef';
export const VIDEO: Track = { id: 1, kind: 'video', codec: 'h264', timescale: 1000, config: Uint8Array.of(1, 100, 0, 31), codecString: 'avc1.64001f', width: 640, height: 360 };

export class TestBroadcast {
  readonly packager: Packager;
  #sentFrames = 0;

  constructor(clock: Clock) {
    this.packager = new Packager({ broadcast: { epoch: EPOCH, createdAt: clock.now() }, clock, config: DEFAULT_PACKAGER_CONFIG });
    this.packager.tracks([VIDEO]);
  }

  /** 25 frames a second, a key frame every two seconds; number 3 is the first segment, 4 the open one after 61. */
  send(count: number, bytes = 5): void {
    for (let i = 0; i < count; i++) {
      const time = this.#sentFrames++ * 40;
      this.packager.unit({ track: 1, dts: time, pts: time, key: time % 2000 === 0, data: new Uint8Array(bytes) });
    }
  }

  /** The publisher is back, and this is its next frame. */
  resume(frame: number): void {
    this.packager.tracks([VIDEO]);
    this.#sentFrames = frame;
  }
}
