/** Counts what passes through a stream and says each second what it looks like: rates, key frames, B-frames. */
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Sink } from './sink.ts';

/** One second of a stream. Rates are per second of wall time, in a track's first reading of its own time; null where there is no such track. */
export interface MeterReading {
  readonly video: {
    readonly codec: string;
    readonly width: number;
    readonly height: number;
    readonly framesPerSecond: number;
    readonly bitsPerSecond: number;
    readonly keyFrameIntervalSeconds: number | null;
    /** Seconds since the last key frame. */
    readonly sinceKeyFrameSeconds: number | null;
    readonly bFrames: boolean;
  } | null;
  readonly audio: { readonly codec: string; readonly sampleRate: number; readonly channels: number; readonly bitsPerSecond: number } | null;
}

interface TrackMeter {
  readonly track: Track;
  units: number;
  bytes: number;
  /** Of its first unit, until that was read. */
  beganDts: number | undefined;
  lastKeyDts: number | undefined;
  lastDts: number | undefined;
  /** The latest picture so far: one that is shown before it was held back for others. */
  lastPts: number;
  keyFrameIntervalSeconds: number | null;
  bFrames: boolean;
}

export class Meter implements Sink {
  #tracks = new Map<number, TrackMeter>();
  #lastReading: MeterReading | undefined;

  /** The last second that was read, for who does not read it themselves. */
  get lastReading(): MeterReading | undefined {
    return this.#lastReading;
  }

  tracks(tracks: readonly Track[]): void {
    this.#tracks = new Map(
      tracks.map((track) => [
        track.id,
        { track, units: 0, bytes: 0, beganDts: undefined, lastKeyDts: undefined, lastDts: undefined, lastPts: -Infinity, keyFrameIntervalSeconds: null, bFrames: false },
      ]),
    );
  }

  unit(unit: Unit): void {
    const meter = this.#tracks.get(unit.track);
    if (!meter) return;
    if (meter.lastDts === undefined) meter.beganDts = unit.dts;
    meter.units++;
    meter.bytes += unit.data.length;
    meter.lastDts = unit.dts;
    if (meter.track.kind === 'audio') return;
    if (unit.pts < meter.lastPts) meter.bFrames = true;
    else meter.lastPts = unit.pts;
    if (!unit.key) return;
    if (meter.lastKeyDts !== undefined) meter.keyFrameIntervalSeconds = (unit.dts - meter.lastKeyDts) / meter.track.timescale;
    meter.lastKeyDts = unit.dts;
  }

  pause(): void {}

  end(): void {}

  /** What passed since the last reading, which lasted `elapsedSeconds`. The counts begin anew. */
  read(elapsedSeconds: number): MeterReading {
    let video: MeterReading['video'] = null;
    let audio: MeterReading['audio'] = null;
    for (const meter of this.#tracks.values()) {
      const { track } = meter;
      const seconds = secondsOf(meter) ?? elapsedSeconds;
      const bitsPerSecond = Math.round((meter.bytes * 8) / seconds);
      // Of several sizes the best that comes speaks for the stream.
      if (track.kind === 'video' && (!video || (video.bitsPerSecond === 0 && meter.units > 0))) {
        video = {
          codec: track.codecString,
          width: track.width,
          height: track.height,
          framesPerSecond: Math.round((meter.units / seconds) * 10) / 10,
          bitsPerSecond,
          keyFrameIntervalSeconds: meter.keyFrameIntervalSeconds,
          sinceKeyFrameSeconds: meter.lastKeyDts === undefined || meter.lastDts === undefined ? null : (meter.lastDts - meter.lastKeyDts) / track.timescale,
          bFrames: meter.bFrames,
        };
      } else if (track.kind === 'audio' && !audio) {
        audio = { codec: track.codecString, sampleRate: track.sampleRate, channels: track.channels, bitsPerSecond };
      }
      meter.units = 0;
      meter.bytes = 0;
      meter.beganDts = undefined;
    }
    this.#lastReading = { video, audio };
    return this.#lastReading;
  }
}

/** How long the units of a track that began since the last reading last; undefined for others, and before there are two. */
function secondsOf({ track, units, beganDts, lastDts }: TrackMeter): number | undefined {
  if (beganDts === undefined || lastDts === undefined || lastDts <= beganDts) return undefined;
  return ((lastDts - beganDts) / track.timescale) * (units / (units - 1));
}
