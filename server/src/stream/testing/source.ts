/** For tests: tracks, units and a sink that writes down what it is told. */
import type { AudioTrack, Track, VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Sink } from '../sink.ts';

export const VIDEO: VideoTrack = {
  id: 1,
  kind: 'video',
  codec: 'h264',
  timescale: 90_000,
  config: Uint8Array.of(1, 100, 0, 31),
  codecString: 'avc1.64001f',
  width: 1280,
  height: 720,
};

/** The same picture at half the size. */
export const SMALL_VIDEO: VideoTrack = { ...VIDEO, id: 3, config: Uint8Array.of(1, 66, 0, 30), codecString: 'avc1.42001e', width: 640, height: 360 };

export const AUDIO: AudioTrack = {
  id: 2,
  kind: 'audio',
  codec: 'aac',
  timescale: 48_000,
  config: Uint8Array.of(0x11, 0x90),
  codecString: 'mp4a.40.2',
  sampleRate: 48_000,
  channels: 2,
};

/** A picture that is shown when it is decoded, at `seconds` on the source's clock. */
export function picture(seconds: number, key = false, bytes = 100): Unit {
  const dts = Math.round(seconds * VIDEO.timescale);
  return { track: VIDEO.id, dts, pts: dts, key, data: new Uint8Array(bytes) };
}

/** One of `SMALL_VIDEO`. */
export function smallPicture(seconds: number, key = false, bytes = 50): Unit {
  return { ...picture(seconds, key, bytes), track: SMALL_VIDEO.id };
}

export function sound(seconds: number, bytes = 20): Unit {
  const dts = Math.round(seconds * AUDIO.timescale);
  return { track: AUDIO.id, dts, pts: dts, key: true, data: new Uint8Array(bytes) };
}

export type Told = { readonly type: 'tracks'; readonly tracks: readonly Track[] } | { readonly type: 'unit'; readonly unit: Unit } | { readonly type: 'pause' | 'end' };

export class RecordingSink implements Sink {
  readonly told: Told[] = [];

  tracks(tracks: readonly Track[]): void {
    this.told.push({ type: 'tracks', tracks });
  }

  unit(unit: Unit): void {
    this.told.push({ type: 'unit', unit });
  }

  pause(): void {
    this.told.push({ type: 'pause' });
  }

  end(): void {
    this.told.push({ type: 'end' });
  }

  get units(): readonly Unit[] {
    return this.told.flatMap((item) => (item.type === 'unit' ? [item.unit] : []));
  }

  /** `tracks unit unit pause` … with runs of units as `unit×n`. */
  get outline(): string {
    const parts: string[] = [];
    let run = 0;
    for (const { type } of [...this.told, { type: 'stop' }]) {
      if (type === 'unit') {
        run++;
        continue;
      }
      if (run > 0) parts.push(`unit×${run}`);
      run = 0;
      if (type !== 'stop') parts.push(type);
    }
    return parts.join(' ');
  }
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
